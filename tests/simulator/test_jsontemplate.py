"""JSON text is made and changed without decoding what is not concerned."""

import pytest

from benchling_connector.simulator.jsontemplate import (
    Slot,
    Text,
    compile_template,
    members,
    with_members,
)

RAW = ' { "a" : 0.10 , "b\\u00e9":[1, {"c": null}],"big":12345678901234567890123,"e":1e-07 } '


def test_members_are_the_texts_they_were_written_in() -> None:
    assert members(RAW) == {
        "a": "0.10",
        "bé": '[1, {"c": null}]',
        "big": "12345678901234567890123",
        "e": "1e-07",
    }
    assert members("{}") == {}


def test_changing_a_member_leaves_the_others_as_they_were() -> None:
    changed = members(with_members(RAW, {"a": '"new"', "z": "null"}))
    assert changed == {**members(RAW), "a": '"new"', "z": "null"}


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', "{1:2}"]
)
def test_text_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        members(text)


def test_a_template_keeps_texts_signs_and_the_order_of_keys() -> None:
    template = compile_template(
        {
            "z": Slot("digits"),
            "percent %": "10 %",
            "id": Text("x-%(id)s"),
            "s": Slot("raw"),
            "n": None,
        }
    )
    text = template % {"digits": "0.10", "id": "etr_1", "raw": "[1.0]"}
    assert text == '{"z":0.10,"percent %":"10 %","id":"x-etr_1","s":[1.0],"n":null}'

"""JSON cut as text: every value keeps the bytes it had, whatever cuts it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.domain import jsontext
from benchling_connector.domain.jsontext import NotJsonError, elements, members

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
layouts = st.sampled_from([None, 1]), st.sampled_from([(",", ":"), (" , ", "\n: ")])


@given(st.dictionaries(st.text(), values), *layouts)
def test_an_object_falls_into_the_texts_of_its_members(value, indent, separators) -> None:
    text = json.dumps(value, indent=indent, separators=separators).encode()
    parts = members(text)
    assert {key: json.loads(part) for key, part in parts.value.items()} == value
    assert all(part in text for part in parts.value.values())


@given(st.lists(values), *layouts)
def test_both_cutters_cut_alike(value, indent, separators) -> None:
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    slow = [part for _, part in jsontext._scan(text, b"[")]
    assert elements(text).value == slow
    assert [json.loads(part) for part in slow] == value


@given(st.text(alphabet='{}[],:"\\u0d8 \ntruefalsn01.-+eE\x01', max_size=30))
def test_the_scanner_accepts_just_what_the_standard_library_accepts(text) -> None:
    try:
        value = json.loads(text, parse_constant=lambda word: 1 / 0)
    except (ValueError, ZeroDivisionError):
        value = None
    for opening, kind in ((b"{", dict), (b"[", list)):
        if isinstance(value, kind):
            jsontext._scan(text.encode(), opening)
        else:
            with pytest.raises(NotJsonError):
                jsontext._scan(text.encode(), opening)


def test_a_lone_surrogate_costs_nothing_but_is_called_awkward() -> None:
    parts = members(rb'{"a": "\ud800", "b": [1.10]}')
    assert parts.awkward
    assert parts.value == {"a": rb'"\ud800"', "b": b"[1.10]"}
    assert not members(b'{"a": 1}').awkward


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [(b'{"a":[1e308,"x"]}', True), (b'{"a":[1e309]}', False), (b'["\\ud800"]', False),
     (b"9" * 4000, True), (b"9" * 5000, False), (b"[" * 5000 + b"]" * 5000, False),
     (b'"\xff"', False)],
)  # fmt: skip
def test_strict_readers_take_no_number_out_of_range(text, is_taken) -> None:
    assert jsontext.is_strict(text) == is_taken


def test_nesting_of_100_000_levels_is_cut() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert members(b'{"x":' + deep + b',"y":1}').value == {"x": deep, "y": b"1"}


@pytest.mark.parametrize(
    "text",
    [b"", b"x", b"[1", b'{"a":NaN}', b'{"a":01}', b'{"a":1}}', b'{"a":1,}', b"{'a':1}", b"[]",
     b'{"a"::1}', b'{"a" 1}', b'{"a":1 "b":2}', b'{"a":[1}}', b'{"a":\x01}', b'{"a":"\x01"}',
     b'{"a":"\\x"}', b"null", b'"a"', b'{"a":]}', b"{,}", b"{1:2}", b'{"a":1}\x00', b'{"\xff":1}'],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(text) -> None:
    with pytest.raises(NotJsonError):
        members(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [(b'"a"', "a"), (b"12", 12), (b"true", True), (b"null", None), (b"{}", None), (b" [1]", None),
     (rb'"\ud800"', "\ud800"), (None, None), (b"x", None), (b'"\xff"', None)],
)  # fmt: skip
def test_a_scalar_is_read_and_nothing_else(text, value) -> None:
    assert jsontext.scalar(text) == value
    assert jsontext.string_of(text) == (value if isinstance(value, str) else None)

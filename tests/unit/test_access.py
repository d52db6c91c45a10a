"""Roles, names, passwords and waits: the decisions about people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.domain.access import Role, role_among, roles_of
from benchling_connector.domain.accounts import account_name, delay_after, require_good_password
from benchling_connector.domain.errors import Refused

ROLES = {"boss": Role.ADMIN, "lab": Role.OPERATOR, "guests": Role.VIEWER}


@pytest.mark.parametrize("mine", Role)
@pytest.mark.parametrize("other", Role)
def test_each_role_may_what_those_before_it_may(mine: Role, other: Role) -> None:
    order = [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    assert mine.covers(other) == (order.index(mine) >= order.index(other))
    assert order.index(mine.at_most(other)) == min(order.index(mine), order.index(other))


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["lab"], Role.OPERATOR),
        (["guests", "boss", "lab"], Role.ADMIN),
        (["Boss"], None),
        (["other"], None),
        ([], None),
    ],
)
def test_the_highest_role_of_somebodys_groups_counts(groups: list[str], role: Role | None) -> None:
    assert role_among(groups, ROLES) is role


def test_a_star_is_for_whoever_is_in_none_of_the_groups_and_is_no_group() -> None:
    roles = {**ROLES, "*": Role.VIEWER}
    assert role_among(["other"], roles) is Role.VIEWER
    assert role_among(["lab"], roles) is Role.OPERATOR
    assert role_among(["*"], {"*": Role.VIEWER, "lab": Role.ADMIN}) is Role.VIEWER


def test_a_mapping_of_groups_is_read_as_people_write_it() -> None:
    text = " boss=admin, CN=Lab Staff,lab=operator ,*=viewer,"
    with pytest.raises(ValueError, match="CN=Lab Staff"):
        roles_of(text)
    assert roles_of("boss=admin, a = b=operator ,*=viewer,") == {
        "boss": Role.ADMIN,
        "a = b": Role.OPERATOR,
        "*": Role.VIEWER,
    }


@pytest.mark.parametrize("text", ["boss", "boss=root", "=admin", "boss=", "boss=Admin"])
def test_a_mapping_that_is_none_is_refused_with_what_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match="form group=viewer"):
        roles_of(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann", "ann"),
        ("ann@lab.example", "ann@lab.example"),
        ("Jürgen-2", "jürgen-2"),
        ("\uff21nn", "ann"),
        ("STRAẞE", "strasse"),
    ],
)
def test_names_that_look_alike_are_one_name(text: str, name: str) -> None:
    assert account_name(text) == name


@given(st.text())
def test_a_name_stays_what_it_is_or_is_refused(text: str) -> None:
    try:
        name = account_name(text)
    except Refused:
        return
    assert account_name(name) == name


@pytest.mark.parametrize(
    "password",
    [
        "",
        "elevenchars",
        "a" * 20,
        "abcabcabcabcabc",
        "jonathan.smith",
        "JONATHAN.SMITH1",
        "x" * 1001,
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(Refused) as refused:
        require_good_password("jonathan.smith", password)
    assert refused.value.code == "password-refused"
    assert not password or password not in refused.value.sentence


@pytest.mark.parametrize("password", ["twelve chars", "ann has a long password", "Tr0ub4dor&3xyz"])
def test_a_good_password_is_taken(password: str) -> None:
    require_good_password("ann", password)


@given(st.integers(0, 10**6))
def test_a_wait_grows_and_has_an_end(failures: int) -> None:
    now, later = delay_after(failures, 60.0), delay_after(failures + 1, 60.0)
    assert 0 <= now <= later <= 60
    assert (now == 0) == (failures < 5)

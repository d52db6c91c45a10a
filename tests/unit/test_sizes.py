"""How many IDs a call takes is learnt from what is refused, and tried again after a while."""

from benchling_connector.engine.sizes import FIRST_PATIENCE, Sizes


def sizes() -> Sizes:
    return Sizes({"entry": 100, "request": 100}.__getitem__)


def test_until_something_is_refused_calls_are_as_large_as_may_be() -> None:
    found = sizes()
    found.worked("entry", 100)
    assert found.of("entry") == 100


def test_what_works_in_halves_only_is_made_in_halves_from_now_on() -> None:
    found = sizes()
    found.worked_in_halves("entry", 50)
    found.worked_in_halves("entry", 100)  # made before the other was known
    assert found.of("entry") == 25
    assert found.of("request") == 100


def test_a_larger_call_is_tried_after_many_full_ones_and_later_each_time_that_it_fails() -> None:
    found = sizes()
    found.worked_in_halves("entry", 100)
    for patience in (FIRST_PATIENCE, 2 * FIRST_PATIENCE, 4 * FIRST_PATIENCE):
        for _ in range(patience):
            assert found.of("entry") == 50
            found.worked("entry", 50)
            found.worked("entry", 49)  # tells nothing
        assert found.of("entry") == 100
        found.worked_in_halves("entry", 100)


def test_one_id_is_never_too_many() -> None:
    found = sizes()
    found.worked_in_halves("entry", 1)
    assert found.of("entry") == 1

"""A call that is begun ahead of time is made once, and tells its answer or its error once."""

import asyncio

import pytest

from benchling_connector.adapters.ahead import Ahead


class Calls:
    """Counts calls; each waits until it may go on, then answers with its number or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.made = self.cancelled = 0
        self.go_on = asyncio.Event()
        self._error = error

    async def __call__(self) -> int:
        self.made += 1
        number = self.made
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._error is not None:
            raise self._error
        return number


async def begun(calls: Calls) -> Ahead[int]:
    """A call that is under way."""
    ahead = Ahead(calls)
    ahead.begin()
    await asyncio.sleep(0)
    return ahead


async def test_it_is_under_way_before_anybody_asks_and_made_once() -> None:
    calls = Calls()
    ahead = await begun(calls)
    assert calls.made == 1
    calls.go_on.set()
    assert await ahead.answer() == 1
    assert calls.made == 1


async def test_who_asks_again_is_answered_anew() -> None:
    calls = Calls()
    ahead = await begun(calls)
    calls.go_on.set()
    assert [await ahead.answer(), await ahead.answer()] == [1, 2]


async def test_without_a_begin_it_is_made_when_it_is_asked_for() -> None:
    calls = Calls()
    calls.go_on.set()
    assert await Ahead(calls).answer() == 1


async def test_an_error_is_told_to_the_one_who_asks() -> None:
    calls = Calls(LookupError("nobody"))
    ahead = await begun(calls)
    calls.go_on.set()
    with pytest.raises(LookupError):
        await ahead.answer()


async def test_who_is_cancelled_while_waiting_ends_the_call() -> None:
    calls = Calls()
    ahead = await begun(calls)
    waiting = asyncio.create_task(ahead.answer())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert calls.cancelled == 1


async def test_what_nobody_asked_for_is_given_up_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed, unfinished = Calls(LookupError("nobody")), Calls()
    failed.go_on.set()
    for calls in (failed, unfinished):
        ahead = await begun(calls)
        await ahead.close()
        await ahead.close()
    assert unfinished.cancelled == 1
    assert not caplog.records

"""Many small calls in one."""

import asyncio

import pytest

from tinyllama.adapters.batches import Batches


class Doubler:
    """Doubles numbers once `go` is set; remembers each batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, numbers: list[int]) -> list[int]:
        self.batches.append(numbers)
        await self.go.wait()
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


async def test_what_is_asked_at_the_same_time_is_carried_out_together_and_everybody_gets_their_own_answers() -> None:
    double = Doubler()
    batches = Batches(double)
    answers = await asyncio.gather(*(batches.ask(numbers) for numbers in ([1], [2, 3], [], [4])))
    assert answers == [[2], [4, 6], [], [8]]
    assert double.batches == [[1, 2, 3, 4]]


async def test_what_is_asked_meanwhile_waits_for_the_next_batch() -> None:
    double = Doubler()
    double.go.clear()
    batches = Batches(double)
    first = asyncio.create_task(batches.ask([1]))
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(batches.ask([number])) for number in (2, 3)]
    await asyncio.sleep(0.01)
    assert double.batches == [[1]]
    double.go.set()
    assert [await task for task in (first, *later)] == [[2], [4], [6]]
    assert double.batches == [[1], [2, 3]]


async def test_an_error_is_for_everybody_in_the_batch_and_for_nobody_else() -> None:
    batches = Batches(Doubler())
    answers = await asyncio.gather(batches.ask([1]), batches.ask([13]), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["thirteen", "thirteen"]
    assert await batches.ask([5]) == [10]


async def test_who_gives_up_in_time_withdraws_what_was_asked() -> None:
    double = Doubler()
    double.go.clear()
    batches = Batches(double)
    first = asyncio.create_task(batches.ask([1]))
    await asyncio.sleep(0.01)
    gone, stays = (asyncio.create_task(batches.ask([number])) for number in (2, 3))
    await asyncio.sleep(0.01)
    gone.cancel()
    double.go.set()
    assert (await first, await stays) == ([2], [6])
    assert double.batches == [[1], [3]]
    with pytest.raises(asyncio.CancelledError):
        await gone

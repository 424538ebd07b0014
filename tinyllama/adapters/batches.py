"""Many small calls made at about the same time, in one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batches(Generic[Item, Answer]):
    """Collects what is asked while a batch is under way for the next one; a call that comes alone waits for nobody.

    `carry_out` takes a batch and gives one answer for each item; what it raises, everybody in the batch gets.
    """

    def __init__(self, carry_out: Callable[[list[Item]], Awaitable[list[Answer]]]) -> None:
        self._carry_out = carry_out
        self._asked: list[tuple[list[Item], asyncio.Future[list[Answer]]]] = []
        self._work: asyncio.Task[None] | None = None

    async def ask(self, items: list[Item]) -> list[Answer]:
        """The answers for some items; a caller that is cancelled before they are sent withdraws them."""
        if not items:
            return []
        future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._asked.append((items, future))
        if self._work is None:
            # Not at once: what other tasks ask before the loop comes round again goes with it.
            self._work = asyncio.create_task(self._carry_out_all())
        return await future

    @property
    def waiting(self) -> int:
        """Calls whose items have not been sent yet."""
        return len(self._asked)

    async def _carry_out_all(self) -> None:
        try:
            while asked := [one for one in self._asked if not one[1].done()]:
                self._asked = []
                await self._carry_out_together(asked)
        finally:
            self._work = None

    async def _carry_out_together(self, asked: list[tuple[list[Item], "asyncio.Future[list[Answer]]"]]) -> None:
        try:
            answers = await self._carry_out([item for items, _ in asked for item in items])
        except Exception as error:  # noqa: BLE001 -- whoever asked has to decide what it means
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            return
        place = 0
        for items, future in asked:
            if not future.done():
                future.set_result(answers[place : place + len(items)])
            place += len(items)

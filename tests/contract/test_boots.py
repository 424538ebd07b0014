"""What `BootTimes` promises together with `Dispatch.announce`, whatever it is built on."""

import pytest

from tests.contract.worlds import World
from tinyllama.ports import Dispatch, Heartbeat


async def announce(dispatch: Dispatch, *, ready: bool = True, name: str = "worker-1") -> None:
    await dispatch.announce(Heartbeat(name, "m", slots=2, busy=0, ready=ready))


async def test_nothing_is_known_before_the_first_boot(world: World) -> None:
    assert list(world.boots().recent()) == []
    world.boots().begin()
    assert list(world.boots().recent()) == []


async def test_a_boot_lasts_from_the_start_to_the_first_ready_worker(world: World) -> None:
    world.boots().begin()
    await world.antedate_wake(42)
    await announce(world.dispatch(), ready=False)
    assert list(world.boots().recent()) == [], "the engine is still loading"
    await announce(world.dispatch())
    assert list(world.boots().recent()) == pytest.approx([42], abs=1)


async def test_only_the_first_ready_worker_counts_and_a_process_that_starts_anew_does_not(world: World) -> None:
    world.boots().begin()
    await announce(world.dispatch())
    assert len(world.boots().recent()) == 1
    await announce(world.dispatch())
    await world.dispatch().retire("worker-1")
    await announce(world.dispatch())
    await announce(world.dispatch("worker-2"), name="worker-2")
    assert len(world.boots().recent()) == 1


async def test_a_worker_of_another_node_does_not_end_the_boot(world: World) -> None:
    await announce(world.dispatch("other"), name="other")
    world.boots().begin()
    await announce(world.dispatch("other"), name="other")
    assert list(world.boots().recent()) == []
    await announce(world.dispatch())
    assert len(world.boots().recent()) == 1


async def test_a_second_start_begins_anew(world: World) -> None:
    world.boots().begin()
    await world.antedate_wake(600)
    world.boots().begin()
    await announce(world.dispatch())
    assert list(world.boots().recent()) == pytest.approx([0], abs=1)


@pytest.mark.parametrize("seconds", [-30, 1_801])
async def test_what_cannot_be_a_boot_is_ignored(world: World, seconds: float) -> None:
    world.boots().begin()
    await world.antedate_wake(seconds)
    await announce(world.dispatch())
    assert list(world.boots().recent()) == []


async def test_the_last_twenty_boots_are_kept_newest_first(world: World) -> None:
    for seconds in range(25):
        world.boots().begin()
        await world.antedate_wake(seconds * 10)
        await announce(world.dispatch())
        await world.dispatch().retire("worker-1")
    assert list(world.boots().recent()) == pytest.approx([seconds * 10 for seconds in range(24, 4, -1)], abs=2)

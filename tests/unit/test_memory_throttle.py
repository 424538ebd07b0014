"""The bucket of a container whose Redis is away."""

from tinyllama.adapters import memory_throttle
from tinyllama.adapters.memory_throttle import MemoryThrottle
from tinyllama.domain.throttle import Allowance


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_five_at_once_then_one_every_three_seconds_for_each_user() -> None:
    clock = Clock()
    throttle = MemoryThrottle(clock=clock)
    assert [throttle.spend("alice", Allowance.PROMPTS) for _ in range(6)] == [True] * 5 + [False]
    assert throttle.spend("bob", Allowance.PROMPTS)
    assert throttle.spend("alice", Allowance.POLLS), "polls are spent from another bucket"
    clock.now += 3
    assert [throttle.spend("alice", Allowance.PROMPTS) for _ in range(2)] == [True, False]


def test_no_number_of_users_fills_the_memory() -> None:
    throttle = MemoryThrottle(clock=Clock())
    for number in range(memory_throttle.MOST_BUCKETS + 10):
        throttle.spend(f"user-{number}", Allowance.POLLS)
    assert len(throttle._buckets) == memory_throttle.MOST_BUCKETS

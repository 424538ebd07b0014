"""The bucket in DynamoDB lets through what the one in Python does, whoever remembers what of it."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.aws.server import StrictAws
from tests.contract.sqs_world import SqsWorld
from tinyllama.adapters.dynamo_throttle import DynamoThrottle
from tinyllama.domain.throttle import Bucket, ThrottlePolicy, spend

_numbers = itertools.count()
_worlds: dict[str, SqsWorld] = {}


def _world(aws: StrictAws) -> SqsWorld:
    """One table for all examples: making one takes longer than an example."""
    if aws.url not in _worlds:
        _worlds[aws.url] = SqsWorld(aws)
    return _worlds[aws.url]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    policy=st.builds(ThrottlePolicy, st.integers(1, 8), st.integers(1, 5_000)),
    requests=st.lists(
        st.tuples(st.integers(1_700_000_000_000, 1_700_000_100_000), st.integers(0, 2)), min_size=1, max_size=12
    ),
)
def test_containers_that_share_a_bucket_agree_with_one_that_has_it_alone(
    aws_of_queues: StrictAws, policy: ThrottlePolicy, requests: list[tuple[int, int]]
) -> None:
    world = _world(aws_of_queues)
    containers = [DynamoThrottle(world.table) for _ in range(3)]
    key, bucket = f"throttle:{next(_numbers)}", None
    for now, container in requests:
        bucket, allowed = spend(bucket, policy, now)
        assert containers[container].spend(key, policy, now) is allowed
        if allowed:
            stored = world.table.get(key)
            assert Bucket(stored["credit_ms"], stored["credit_at"]) == bucket

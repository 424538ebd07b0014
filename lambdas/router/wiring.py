"""Builds the router's adapters once per container; EC2's client only when a node has to be looked at.

A request to a warm node must not pay for importing boto3.
"""

from functools import cache

from lambdas.router.routes import Adapters
from lambdas.router.settings import RouterSettings
from lambdas.router.wake import Waker
from tinyllama.adapters.cognito import CognitoVerifier, KeySet, http_keys
from tinyllama.adapters.memory_throttle import MemoryThrottle
from tinyllama.adapters.redis_admissions import RedisAdmissions, RedisDrainGate, connect
from tinyllama.adapters.redis_boots import RedisBootTimes
from tinyllama.domain.limits import QueueLimits
from tinyllama.ports import Leases, NodeControl

# Of one call to AWS on the cold path: two tries of so many seconds, with at most a second between them. Somebody waits.
_AWS_TIMEOUT_S, _AWS_ATTEMPTS = 2.0, 2


@cache
def settings() -> RouterSettings:
    """The settings of this container."""
    return RouterSettings.from_env()


@cache
def _nodes() -> NodeControl:
    from tinyllama.adapters import ec2_node  # noqa: PLC0415 -- imports boto3, see above

    return ec2_node.Ec2Nodes(ec2_node.connect(timeout_s=_AWS_TIMEOUT_S, attempts=_AWS_ATTEMPTS))


@cache
def _leases() -> Leases:
    from tinyllama.adapters import scheduler_leases  # noqa: PLC0415 -- imports boto3, see above

    env = settings()
    client = scheduler_leases.connect(timeout_s=_AWS_TIMEOUT_S, attempts=_AWS_ATTEMPTS)
    return scheduler_leases.SchedulerLeases(client, env.lease_role_arn, env.lease_group)


@cache
def adapters() -> Adapters:
    """The adapters of this container."""
    env = settings()
    client = connect(env.redis_host, env.redis_port, timeout_s=env.redis_timeout_s)
    return Adapters(
        tokens=CognitoVerifier(env.cognito_issuer, env.cognito_aud, KeySet(http_keys(env.keys_url))),
        queue=RedisAdmissions(client, QueueLimits(max_queued=env.max_queued)),
        gate=RedisDrainGate(client),
        nodes=_nodes,
        waker=Waker(_nodes, _leases, RedisBootTimes(client), policy=env.lease_policy, boot_eta_s=env.boot_eta_s),
        fallback=MemoryThrottle(),
        reply_bucket=env.reply_bucket,
    )

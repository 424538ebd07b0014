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
from tinyllama.domain.limits import QueueLimits
from tinyllama.ports import NodeControl


@cache
def settings() -> RouterSettings:
    """The settings of this container."""
    return RouterSettings.from_env()


@cache
def _nodes() -> NodeControl:
    from tinyllama.adapters import ec2_node  # noqa: PLC0415 -- imports boto3, see above

    return ec2_node.Ec2Nodes(ec2_node.connect())


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
        waker=Waker(_nodes, env.boot_eta_s),
        fallback=MemoryThrottle(),
        reply_bucket=env.reply_bucket,
    )

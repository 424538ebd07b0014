"""Builds the router's adapters once per container; EC2's client only when a node has to be looked at.

A request to a warm node must not pay for importing boto3.
"""

import os
from functools import cache
from typing import TYPE_CHECKING

from lambdas.router.call import Adapters
from lambdas.router.settings import RouterSettings
from lambdas.router.wake import Waker
from tinyllama.adapters import queues
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet, KeySource, http_keys
from tinyllama.adapters.memory_throttle import MemoryThrottle
from tinyllama.domain.limits import QueueLimits
from tinyllama.ports import Leases, NodeControl

if TYPE_CHECKING:
    from tinyllama.adapters.wake_parameter import WakeParameter
    from tinyllama.domain.wake_switch import WakeSwitch

queues.load(os.environ.get("TL_QUEUE", "redis"))

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
def _wake_parameter() -> "WakeParameter":
    from tinyllama.adapters.aws_json import AwsJson  # noqa: PLC0415 -- on Redis only a cold start needs it
    from tinyllama.adapters.wake_parameter import WakeParameter  # noqa: PLC0415
    from tinyllama.domain.wake_switch import WakeSwitchError  # noqa: PLC0415

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise WakeSwitchError("AWS_REGION is not set")
    return WakeParameter(AwsJson(region, timeout_s=_AWS_TIMEOUT_S))


def _wake_switch() -> "WakeSwitch":
    return _wake_parameter().read()


def _key_source() -> KeySource:
    env = settings()
    if not env.jwks_bucket:
        return http_keys(env.keys_url)
    from tinyllama.adapters.s3_key_set import S3KeySet  # noqa: PLC0415 -- imports boto3, see above

    return S3KeySet(env.jwks_bucket, env.jwks_key).fetch


@cache
def adapters() -> Adapters:
    """The adapters of this container."""
    env = settings()
    limits = QueueLimits(max_queued=env.max_queued)
    queue = queues.api_queue(env, redis_timeout_s=env.redis_timeout_s, limits=limits)
    return Adapters(
        tokens=CognitoVerifier(env.cognito_issuer, env.cognito_aud, KeySet(_key_source())),
        queue=queue.admissions,
        gate=queue.gate,
        nodes=_nodes,
        waker=Waker(
            _nodes, _leases, queue.boots, switch=_wake_switch, policy=env.lease_policy, boot_eta_s=env.boot_eta_s
        ),
        fallback=MemoryThrottle(),
        reply_bucket=env.reply_bucket,
    )

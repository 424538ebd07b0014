"""Builds the adapters once per container; those that need boto3 only for an admin, who then waits for its import."""

from functools import cache

from lambdas.resize.routes import Adapters
from lambdas.resize.settings import ResizeSettings
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet, http_keys
from tinyllama.ports import Automation, NodeControl

# An admin waits, and API Gateway gives up after 30 s: two tries of a call, of so many seconds.
_AWS_TIMEOUT_S, _AWS_ATTEMPTS = 4.0, 2


@cache
def settings() -> ResizeSettings:
    """The settings of this container."""
    return ResizeSettings.from_env()


@cache
def _nodes() -> NodeControl:
    from tinyllama.adapters import ec2_node  # noqa: PLC0415 -- imports boto3, see above

    return ec2_node.Ec2Nodes(ec2_node.connect(timeout_s=_AWS_TIMEOUT_S, attempts=_AWS_ATTEMPTS))


@cache
def _automation() -> Automation:
    from tinyllama.adapters import ssm_automation  # noqa: PLC0415 -- imports boto3, see above

    return ssm_automation.SsmAutomation(ssm_automation.connect(timeout_s=_AWS_TIMEOUT_S, attempts=_AWS_ATTEMPTS))


@cache
def adapters() -> Adapters:
    """The adapters of this container."""
    env = settings()
    return Adapters(
        tokens=CognitoVerifier(env.cognito_issuer, env.cognito_aud, KeySet(http_keys(env.keys_url))),
        nodes=_nodes,
        automation=_automation,
        document=env.resize_document,
        types=env.types,
        region=env.aws_region,
        policy=env.lease_policy,
    )

"""What to do after a resize failed, by the code of the failure."""

from collections.abc import Mapping

WAIT_TIMEOUT, WAIT_FAILED, NOT_AS_ASKED = "WaitTimeout", "WaitFailed", "NotAsAsked"
"""Codes of failures that EC2 does not report as errors."""

NO_CAPACITY = frozenset({"InsufficientInstanceCapacity", "Unsupported", "VcpuLimitExceeded"})
"""Codes of starts that another type may survive."""

_QUOTA = (
    "The account's quota is used up: raise 'Running On-Demand G and VT instances' (for t3: 'Standard instances') in "
    "Service Quotas, or choose a smaller type."
)
_CREDENTIALS = "Check that the credentials are there, valid, and allowed to make this call."
_LATER = "EC2 is busy or out of reach: run the same command again in a minute."

_ADVICE: Mapping[str, str] = {
    "InsufficientInstanceCapacity": (
        "AWS has no {instance_type} to spare in {zone} now: try again later, take another type (g4dn.2xlarge and "
        "g5.xlarge do the same work), or create the node in another zone."
    ),
    "Unsupported": "{zone} does not offer {instance_type}: take another type, or create the node in another zone.",
    "VcpuLimitExceeded": _QUOTA,
    "InstanceLimitExceeded": _QUOTA,
    "UnauthorizedOperation": _CREDENTIALS,
    "AuthFailure": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "RequestExpired": _CREDENTIALS,
    "NoCredentialsError": _CREDENTIALS,
    "RequestLimitExceeded": _LATER,
    "Throttling": _LATER,
    "Unavailable": _LATER,
    "InternalError": _LATER,
    "EndpointConnectionError": _LATER,
    "ConnectTimeoutError": _LATER,
    "ReadTimeoutError": _LATER,
    "IncorrectInstanceState": "Somebody else changed the node meanwhile: see who, then run the same command again.",
    "Busy": (
        "Wait until they are done and run the same command again; or say -e force=true, which interrupts them: a job "
        "that no other worker claims within 5 minutes is lost, and its user has to send it again."
    ),
    "NoLease": (
        "Nothing starts without the order to stop it: check LEASE_ROLE_ARN and LEASE_GROUP (`terraform output "
        "worker_environment`), and that you may call scheduler:CreateSchedule and iam:PassRole."
    ),
    WAIT_TIMEOUT: "Look at the instance's status checks in the EC2 console, then try again with a longer wait_timeout.",
    WAIT_FAILED: (
        "EC2 gives the reason as the instance's state transition reason: no capacity ({instance_type} in {zone}), a "
        "disk that cannot be attached, or somebody else's doing. Another type or a later try often helps."
    ),
    NOT_AS_ASKED: "Somebody else may have changed the node meanwhile: see who, then run the same command again.",
}


def advice(code: str, instance_type: str, zone: str) -> str:
    """Return what to do next after a failure with this code, as sentences."""
    return _ADVICE.get(
        code, "See what the code means in the EC2 API reference, then run the same command again."
    ).format(instance_type=instance_type, zone=zone)

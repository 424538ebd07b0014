"""What the environment of `queue_health` must say."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from tinyllama.settings import QueueSettings

VPC_CIDRS = "10.20.0.0/22"


def _cidrs(text: str) -> str:
    for cidr in text.split(","):
        ip_network(cidr.strip())
    return text


class QueueHealthSettings(QueueSettings):
    """Environment of the function; names in capitals."""

    redis_timeout_s: float = Field(0.25, gt=0, le=5)
    """A little more than the 200 ms that an answer may take, so that a slow one is told from none."""
    allowed_cidrs: Annotated[str, AfterValidator(_cidrs)] = VPC_CIDRS
    """Source addresses that may ask, separated by commas: the VPC's IPv4 and IPv6 blocks (design §4.11)."""

"""A subnet is found by its IPv6 block's association, as `terraform apply` looks for it, and tells the block's state."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.ec2.models.subnets import Subnet

from local.aws.core.seam import replaced

_FILTERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "ipv6-cidr-block-association.association-id": lambda found: found["associationId"],
    "ipv6-cidr-block-association.ipv6-cidr-block": lambda found: found["ipv6CidrBlock"],
    "ipv6-cidr-block-association.state": lambda found: found["ipv6CidrBlockState"]["State"],
}


@contextmanager
def installed() -> Iterator[None]:
    """Add DescribeSubnets' IPv6 filters for as long as the context lasts."""
    original = Subnet.get_filter_value

    def get_filter_value(subnet: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name in _FILTERS:
            return [_FILTERS[filter_name](found) for found in subnet.ipv6_cidr_block_associations.values()]
        return original(subnet, filter_name, method_name)

    with (
        replaced(Subnet, "get_filter_value", get_filter_value),
        replaced(Subnet, "ipv6_cidr_block_association_set", property(_associations)),
    ):
        yield


def _associations(subnet: Any) -> list[dict[str, Any]]:
    """Moto's, but for the state, of which it makes the text of a dict."""
    return [
        {**found, "ipv6CidrBlockState": {"state": found["ipv6CidrBlockState"]["State"]}}
        for found in subnet.ipv6_cidr_block_associations.values()
        if found["ipv6CidrBlockState"]["State"] == "associated"
    ]

"""Elastic IPs: an address in use is not released, and a node that has not come up, or is gone, takes none.

Source: API reference of EC2, ReleaseAddress (nondefault VPC) and AssociateAddress.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend

from local.aws.core.seam import replaced

_CANNOT = {"pending", "shutting-down", "terminated"}


@contextmanager
def installed() -> Iterator[None]:
    """Make moto's addresses strict for as long as the context lasts."""
    release, associate = EC2Backend.release_address, EC2Backend.associate_address

    def released(backend: Any, address: str | None = None, allocation_id: str | None = None) -> None:
        found = backend.address_by_allocation([allocation_id]) if allocation_id else backend.address_by_ip([address])
        if found[0].association_id:
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {found[0].public_ip} is in use.")
        release(backend, address, allocation_id)

    def associated(backend: Any, instance: Any = None, **more: Any) -> Any:
        state = instance.state if instance else ""
        if state in _CANNOT:
            text = f"The {state} instance '{instance.id}' is not in a valid state for this operation."
            raise EC2ClientError("InvalidInstanceID", text)
        if instance:  # one address a network interface: what it had is taken off, and stays allocated
            for other in backend.addresses:
                if other.instance is instance and other.allocation_id != more.get("allocation_id"):
                    backend.disassociate_address(association_id=other.association_id)
        return associate(backend, instance=instance, **more)

    with ExitStack() as undo:
        undo.enter_context(replaced(EC2Backend, "release_address", released))
        undo.enter_context(replaced(EC2Backend, "associate_address", associated))
        yield

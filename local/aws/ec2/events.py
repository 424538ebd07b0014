"""The EventBridge event that EC2 sends for every change of an instance's state."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from moto.ec2.models.instances import Instance

from local.aws.ec2.lifecycle import State

Event = dict[str, object]
Subscriber = Callable[[Event], None]


def state_change(instance: Instance, state: State, at: datetime) -> Event:
    """Build the "EC2 Instance State-change Notification" for an instance that entered `state` at `at`."""
    region, account = instance.ec2_backend.region_name, instance.ec2_backend.account_id
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": account,
        "time": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [f"arn:aws:ec2:{region}:{account}:instance/{instance.id}"],
        "detail": {"instance-id": instance.id, "state": state.value},
    }

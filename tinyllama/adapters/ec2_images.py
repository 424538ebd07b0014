"""Machine images on EC2: the base to start from, a host to bake, and the images made of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from tinyllama.adapters.ec2_node import node_errors
from tinyllama.domain.errors import NodeError
from tinyllama.domain.images import Image

BAKING = "image-build"
"""Tag `Role` of a host that is baked: neither the router, the inventory nor a lease takes it for a node."""
_LAUNCH = {
    "InstanceInitiatedShutdownBehavior": "terminate",
    "MetadataOptions": {"HttpTokens": "required"},
    # Whoever launched it may be killed, or lose his credentials: then the host ends itself.
    "UserData": "#!/bin/sh\nshutdown -h +120\n",
}


class Ec2Images:
    """Calls may raise `NodeError`; waits give up after `patience_s`, looking every `poll_s` seconds."""

    def __init__(self, client: Any, *, patience_s: float = 900, poll_s: float = 5) -> None:
        self._client = client
        self._wait = {"Delay": poll_s, "MaxAttempts": max(1, round(patience_s / poll_s))}

    def newest(self, owner: str, pattern: str) -> Image:
        """The newest image of an owner (an account id) whose name fits. NodeError when there is none."""
        filters = [{"Name": "name", "Values": [pattern]}, {"Name": "state", "Values": ["available"]}]
        with node_errors():
            found = self._client.describe_images(Owners=[owner], Filters=filters)["Images"]
        if not found:
            raise NodeError("InvalidAMIID.NotFound", f"account {owner} has no image '{pattern}' in this region")
        return max(map(_image, found), key=lambda image: image.created)

    def made(self, role: str) -> Sequence[Image]:
        """Images that we have made for a role and that can be launched, oldest first."""
        filters = [{"Name": f"tag:{key}", "Values": [text]} for key, text in _tags(role).items()]
        filters.append({"Name": "state", "Values": ["available"]})
        with node_errors():
            found = self._client.describe_images(Owners=["self"], Filters=filters)["Images"]
        return sorted(map(_image, found), key=lambda image: image.created)

    def launch(self, base: str, options: Mapping[str, Any]) -> dict[str, str]:
        """Launch a host from an image and wait until it runs; its id and addresses. `options` are RunInstances'."""
        tags = _pairs({**_tags(BAKING), "Name": "tinyllama-bake"})
        with node_errors():
            made = self._client.run_instances(
                ImageId=base,
                MinCount=1,
                MaxCount=1,
                TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
                **{**_LAUNCH, **options},
            )["Instances"][0]["InstanceId"]
            try:
                self._client.get_waiter("instance_running").wait(InstanceIds=[made], WaiterConfig=self._wait)
                host = self._client.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
            except BaseException:
                self.terminate(made)
                raise
        return {
            "id": made,
            "public_ip": host.get("PublicIpAddress", ""),
            "private_ip": host.get("PrivateIpAddress", ""),
        }

    def create(self, host: str, name: str, role: str, tags: Mapping[str, str]) -> Image:
        """Make an image of a host, tagged with its snapshots, and wait until it can be launched."""
        both = _pairs({**_tags(role), **tags})
        specification = {"ResourceType": "image", "Tags": both}
        with node_errors():
            made = self._client.create_image(InstanceId=host, Name=name, TagSpecifications=[specification])["ImageId"]
            self._client.get_waiter("image_available").wait(ImageIds=[made], WaiterConfig=self._wait)
            image = _image(self._client.describe_images(ImageIds=[made])["Images"][0])
            self._client.create_tags(Resources=list(image.snapshots), Tags=both)
        return image

    def remove(self, image: Image) -> None:
        """Take an image away, and the snapshots that it is made of: they are what costs."""
        with node_errors():
            self._client.deregister_image(ImageId=image.id)
            for snapshot in image.snapshots:
                self._client.delete_snapshot(SnapshotId=snapshot)

    def terminate(self, host: str) -> None:
        """Take the host away; nothing is left of it."""
        with node_errors():
            self._client.terminate_instances(InstanceIds=[host])


def _tags(role: str) -> dict[str, str]:
    return {"Project": "tinyllama", "Role": role}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": text} for key, text in tags.items()]


def _image(found: Mapping[str, Any]) -> Image:
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
    disks = (disk.get("Ebs", {}) for disk in found.get("BlockDeviceMappings", ()))
    return Image(
        id=found["ImageId"],
        name=found.get("Name", ""),
        created=found["CreationDate"],
        revision=tags.get("Revision", ""),
        base=tags.get("Base", ""),
        snapshots=tuple(disk["SnapshotId"] for disk in disks if disk.get("SnapshotId")),
    )

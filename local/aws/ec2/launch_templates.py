"""A launch template's data is what was asked for its instances: neither the template's own tags nor empty user data."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion

from local.aws.core.seam import replaced


@contextmanager
def installed() -> Iterator[None]:
    """Keep only what belongs into a version's data for as long as the context lasts."""
    original = LaunchTemplate.create_version

    def create_version(template: Any, data: dict[str, Any], description: str) -> LaunchTemplateVersion:
        tags = [one for one in data.get("TagSpecifications", []) if one["ResourceType"] != "launch-template"]
        kept = {name: value for name, value in data.items() if name != "TagSpecifications" and str(value)}
        return original(template, {**kept, **({"TagSpecifications": tags} if tags else {})}, description)

    with replaced(LaunchTemplate, "create_version", create_version):
        yield

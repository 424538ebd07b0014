"""The machine images that exist: those the roles are written for, instead of moto's long list from 2017.

Moto loads over a thousand images for each region at each reset, none of them an Ubuntu that is still maintained, and
says that Amazon owns them all. These few are named and owned as Canonical's, so a lookup by owner and name finds them.
"""

from typing import Any

_CANONICAL = "099720109477"
_RELEASES = [
    ("ami-00000000000002204", "jammy-22.04", "x86_64", "amd64", "2026-01-05T00:00:00.000Z"),
    ("ami-0000000000002204a", "jammy-22.04", "arm64", "arm64", "2026-01-05T00:00:00.000Z"),
    ("ami-00000000000002404", "noble-24.04", "x86_64", "amd64", "2026-01-12T00:00:00.000Z"),
    ("ami-0000000000002404a", "noble-24.04", "arm64", "arm64", "2026-01-12T00:00:00.000Z"),
]
UBUNTU_22_04 = _RELEASES[0][0]


def load_images(backend: Any) -> None:
    """Stand in for `AmiBackend._load_amis`: fill the backend of one region."""
    # Only here: `seed`, which wants a name from above, is in a process that has no other use for moto.
    from moto.core.parse import default_timestamp_parser as parse_timestamp  # noqa: PLC0415
    from moto.ec2.models.amis import Ami  # noqa: PLC0415

    for ami_id, release, architecture, suffix, created in _RELEASES:
        volumes = "hvm-ssd" if release.startswith("jammy") else "hvm-ssd-gp3"
        backend.amis[ami_id] = Ami(
            backend,
            ami_id,
            name=f"ubuntu/images/{volumes}/ubuntu-{release}-{suffix}-server-{created[:10].replace('-', '')}",
            description=f"Canonical, Ubuntu, {release}, {suffix}",
            owner_id=_CANONICAL,
            public=True,
            architecture=architecture,
            virtualization_type="hvm",
            state="available",
            creation_date=parse_timestamp(created),
            root_device_name="/dev/sda1",
            root_device_type="ebs",
        )

"""Which bare distributions the roles are tested on, and which of them can be had on this machine."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping

from tests.environments import ROOT

DISTRIBUTIONS: Mapping[str, Mapping[str, str]] = {
    "Ubuntu 22.04": {"TL_HOST_FROM": "docker.io/library/ubuntu:22.04"},
    "Ubuntu 24.04": {"TL_HOST_FROM": "docker.io/library/ubuntu:24.04"},
    "Debian 12": {"TL_HOST_SUITE": "bookworm"},
}
"""What `roles/base` supports, and how `local/host_image.sh` is told to make each."""
_NO_TOOLS, _NO_REGISTRY = 3, 4


class ImageError(Exception):
    """An image could not be made; the script has said why."""


def images(say: Callable[[str], object], *, everywhere: bool) -> Iterator[str]:
    """The images to test on: every distribution that can be had, or the one that this machine has by itself.

    What cannot be had is said, with the reason, and left out.

    Raises:
        ImageError: one that can be had could not be made, or none is there of the name that the environment gives.
    """
    for name, settings in DISTRIBUTIONS.items() if everywhere else [("the host", {})]:
        made = subprocess.run(
            [ROOT / "local/host_image.sh"],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if made.returncode == _NO_TOOLS or (everywhere and made.returncode == _NO_REGISTRY):
            say(f"test-hosts: {name} SKIPPED, for lack of what is named above")
        elif made.returncode:
            raise ImageError(f"no image of {name}")
        else:
            yield made.stdout.strip()

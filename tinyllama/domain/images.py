"""Machine images of ours: which of them may go."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Image:
    """An AMI. `created` is EC2's ISO 8601 text, whose order is that of time; `revision` is what it was made from."""

    id: str
    name: str
    created: str
    revision: str = ""
    base: str = ""
    snapshots: tuple[str, ...] = ()


def to_prune(images: Sequence[Image], *, keep: int) -> list[Image]:
    """All but the `keep` newest images, oldest first.

    Raises:
        ValueError: nothing would be left to launch from.
    """
    if keep < 1:
        raise ValueError(f"keep is {keep}: at least one image has to stay")
    newest_first = sorted(images, key=lambda image: (image.created, image.id), reverse=True)
    return newest_first[keep:][::-1]

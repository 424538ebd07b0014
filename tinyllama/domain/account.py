"""What there is in the account, as far as `doctor.yml` looks; and whose it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinyllama.domain.errors import TinyllamaError
from tinyllama.domain.node import NODE_TAGS

PROJECT = NODE_TAGS["Project"]
ROLES = frozenset({NODE_TAGS["Role"], "builder"})
"""Roles of the instances that are meant to stay."""
_AWAKE = frozenset({"pending", "running"})
_GONE = frozenset({"shutting-down", "terminated"})


class LookError(TinyllamaError):
    """AWS did not let us look; the message has its code, and names what is missing."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Anything that has an id and tags."""

    id: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def untagged(self) -> bool:
        """Whether no project claims it."""
        return not self.tags.get("Project")

    @property
    def ours(self) -> bool:
        """Whether it says that it is this project's."""
        return self.tags.get("Project") == PROJECT

    @property
    def name(self) -> str:
        """Its id, and its name if it has one."""
        return f"{self.id} ({self.tags['Name']})" if self.tags.get("Name") else self.id


@dataclass(frozen=True, slots=True)
class Machine(Thing):
    """An EC2 instance."""

    state: str = "running"
    type: str = ""
    image: str = ""

    @property
    def awake(self) -> bool:
        """Whether it costs by the hour."""
        return self.state in _AWAKE

    @property
    def gone(self) -> bool:
        """Whether nothing is left of it but its line."""
        return self.state in _GONE

    @property
    def node(self) -> bool:
        """Whether it is tagged as our node."""
        return NODE_TAGS.items() <= self.tags.items()


@dataclass(frozen=True, slots=True)
class Disk(Thing):
    """An EBS volume; `machine` is empty when it is attached to none."""

    gib: int = 0
    kind: str = "gp3"
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Address(Thing):
    """An elastic IP."""

    ip: str = ""
    attached: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot(Thing):
    """A snapshot of `gib`, of which AWS stores, and charges for, the blocks that were ever written."""

    gib: int = 0


@dataclass(frozen=True, slots=True)
class Picture(Thing):
    """A machine image of the account; `created` is ISO 8601, whose order is that of time."""

    label: str = ""
    created: str = ""
    snapshots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function; `runtime` is empty for one that is a container image."""

    name: str
    runtime: str

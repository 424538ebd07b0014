"""What is known of the platform between two `tl` commands: the state file in its folder."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local import podman
from local.announce import write_atomically
from local.aws.account import Account
from local.folder import Folder
from local.processes import ProcessId, end_all

PARTS = ("aws", "redis", "gateway", "node")
LOGS = (*PARTS, "engine", "worker", "watchdog", "supervisor")


class Phase(StrEnum):
    """The life of a platform."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


class NodeKind(StrEnum):
    """What the local node is made of."""

    PROCESS = "process"
    CONTAINER = "container"


class Queue(StrEnum):
    """What the jobs wait in: `TL_QUEUE`."""

    REDIS = "redis"
    SQS = "sqs"


class Frozen(BaseModel):
    """A value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Options(Frozen):
    """What `tl up` was asked for; times in s."""

    port: int = Field(8787, ge=0, le=65_535)
    boot_s: float = Field(5.0, ge=0, le=600)
    stop_s: float = Field(2.0, ge=0, le=600)
    watch_every_s: float = Field(60.0, gt=0)
    seconds_per_minute: float = Field(60.0, gt=0)
    idle_s: float = Field(300.0, gt=0)
    slots: int = Field(4, ge=1, le=64)
    threads: int | None = Field(None, ge=1)
    region: str = "eu-central-1"
    queue: Queue = Queue.REDIS
    node_image: str = ""
    """Container image of the node; without one, its programs run as processes."""

    @property
    def boot_eta_s(self) -> int:
        """What the API promises about a cold boot: the simulated boot, systemd's, and the model's loading."""
        return round(self.boot_s) + (6 if self.node_image else 2)


class Part(Frozen):
    """One process of the platform. `since` is in s since the epoch, `took_s` from its start until it was ready."""

    name: str
    process: ProcessId
    since: float
    address: str = ""
    took_s: float | None = None


class State(Frozen):
    """The state file. `reason` says why the platform is not there any more."""

    phase: Phase
    supervisor: ProcessId
    options: Options
    parts: tuple[Part, ...] = ()
    api_url: str = ""
    aws_url: str = ""
    redis_port: int = 0
    account: Account | None = None
    reason: str = ""

    @property
    def alive(self) -> bool:
        """Whether the supervisor lives; without it nothing else does for long."""
        return self.supervisor.find() is not None

    @property
    def serving(self) -> bool:
        """Whether it can be asked."""
        return self.phase is Phase.READY and self.alive


class Home(Folder):
    """The folder with what is known of its platform."""

    def read(self) -> State | None:
        """The state; None when there is none, or one that another version wrote."""
        try:
            return State.model_validate_json(self.state_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, state: State) -> None:
        """Replace the state in one step."""
        write_atomically(self.state_file, state.model_dump_json(indent=2))

    def end_leftovers(self, *, grace_s: float = 10.0) -> bool:
        """End whatever an earlier platform left behind; returns whether there was anything alive."""
        state = self.read()
        if state is None:
            return False
        left = [one for one in (state.supervisor, *(part.process for part in state.parts)) if one.find()]
        end_all(left[:1] if state.alive else left, grace_s=grace_s)  # the supervisor ends its parts in order
        end_all(left, grace_s=1.0)
        if state.options.node_image:
            podman.remove(self.tag)
        return bool(left)

    def clear(self) -> bool:
        """End whatever runs, and forget it; returns whether anything ran."""
        ran = self.end_leftovers()
        self.forget()
        return ran

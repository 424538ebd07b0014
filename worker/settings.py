"""What the environment of the node's processes must say."""

import os
import socket
from pathlib import Path

from pydantic import Field

from tinyllama.domain.node import DEFAULT_IDLE_S
from tinyllama.settings import ROLE_ARN, LeaseSettings, QueueSettings
from worker.generation import Generation


class NodeSettings(QueueSettings):
    """Shared by the worker and the watchdog."""

    queue_timeout_s: float = Field(5.0, gt=0, le=20)
    activity_file: Path = Path("/var/tmp/last_infer_ts")  # noqa: S108 -- the name is EC2-003's


class WorkerSettings(NodeSettings, LeaseSettings, Generation):
    """Environment of `python -m worker`; names in capitals."""

    reply_bucket: str
    engine_url: str = Field(pattern=r"^https?://")
    engine_model: str = "default"
    engine_timeout_s: float = Field(60.0, gt=0)
    """Longest silence of the engine, before the first token or between two."""
    attempt_max_s: float = Field(300.0, gt=0)
    """Longest generation; a job that takes longer fails and is not tried again."""
    worker_name: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}", min_length=1)
    worker_slots: int = Field(4, ge=1, le=256)
    lease_s: float = Field(15.0, ge=1)
    """Of a job; the node's own is `NODE_LEASE_S`."""
    lease_role_arn: str = Field("", pattern=rf"{ROLE_ARN}|^$")
    """Without it the node's lease is left alone: a worker outside EC2 has none."""
    lease_check_s: float = Field(60.0, gt=0)
    drain_grace_s: float = Field(20.0, ge=0)
    spot_poll_s: float = Field(0.0, ge=0)
    """How often to ask the metadata service for a Spot notice; 0 where there is none. EC2 recommends 5."""
    seconds_per_minute: float = Field(60.0, gt=0)
    """What a minute of a job's `idle` lasts: 60, but for a demonstration in time-lapse."""


class WatchdogSettings(NodeSettings):
    """Environment of `idle_watch.sh`. `IDLE_MIN` is in seconds, in spite of its name, which is EC2-003's."""

    idle_min: float = Field(DEFAULT_IDLE_S, gt=0)
    booted_at: float | None = None
    """When the node booted, in seconds since the epoch; for a node whose kernel has been up for longer, a container."""

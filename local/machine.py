"""What a running GPU node is made of on this machine: an IMDS, an engine, a worker, and cron for the watchdog.

They start together, are restarted when they die, and end in order.
"""

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from local import engine
from local.aws.ec2.imds import Credentials, Identity, serve_imds
from local.processes import ROOT
from local.redis_server import free_port
from local.units import Say, Timer, Unit

DRAIN_GRACE_S = 5.0
"""How long a drain may outlast *stopped*, when a real machine has no power any more."""
WATCHDOG = ROOT / "roles" / "idle_watchdog" / "files" / "idle_watch.sh"


class Site(BaseModel):
    """Where a node lives and how it is set up. Times in s."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aws_url: str
    region: str
    queue: dict[str, str]
    """Environment that says which queue it is, and where."""
    reply_bucket: str
    run_dir: Path
    log_dir: Path
    lease_role_arn: str = ""
    slots: int = 4
    threads: int | None = None
    watch_every_s: float = 60.0
    idle_s: float = 300.0
    seconds_per_minute: float = 60.0
    node_image: str = ""
    """Container image of the node; without one, its programs run as processes."""
    tag: str = ""
    """Tells this platform's containers from another's."""

    @property
    def settings(self) -> dict[str, str]:
        """What a stack tells the worker, as environment; a value may be empty."""
        return {
            **self.queue,
            "REPLY_BUCKET": self.reply_bucket,
            "LEASE_ROLE_ARN": self.lease_role_arn,
            "ENGINE_MODEL": engine.MODEL,
            "WORKER_SLOTS": str(self.slots),
            "SECONDS_PER_MINUTE": f"{self.seconds_per_minute:g}",
        }


class Machine:
    """One boot of one instance."""

    def __init__(self, site: Site, identity: Identity, say: Say) -> None:
        self._say, self._stack = say, ExitStack()
        self._draining_since: float | None = None
        boot = f"{identity.instance_id}-{time.time_ns() // 1_000_000:x}"
        imds = self._stack.enter_context(serve_imds(identity, Credentials()))
        where = {"AWS_ENDPOINT_URL": site.aws_url, "AWS_REGION": site.region, "AWS_DEFAULT_REGION": site.region}
        host = {
            **where,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": imds.url,
            **site.queue,
            "ACTIVITY_FILE": str(site.run_dir / f"{boot}.last_infer_ts"),
        }
        self._engine, self._worker = self._services(site, host, boot)
        self._watchdog = self._cron(site, host)
        self._engine.start()
        self._worker.start()  # at the same time: it waits for the engine itself

    def _services(self, site: Site, host: Mapping[str, str], boot: str) -> tuple[Unit, Unit]:
        port = str(free_port())
        serving = [sys.executable, "-m", "local.engine", "--port", port, "--slots", str(site.slots)]
        serving += ["--threads", str(site.threads)] if site.threads else []
        settings = {
            **host,
            **site.settings,
            "ENGINE_URL": f"http://{engine.HOST}:{port}",
            "WORKER_NAME": boot,
        }
        return (
            Unit("engine", serving, {}, site.log_dir / "engine.log", self._say),
            Unit("worker", [sys.executable, "-m", "worker"], settings, site.log_dir / "worker.log", self._say),
        )

    def _cron(self, site: Site, host: Mapping[str, str]) -> Timer:
        settings = {
            **host,
            "TL_PYTHON": sys.executable,
            "TL_ENV_FILE": str(site.run_dir / "none.env"),  # a real node's, if this happens to be one, is not ours
            "IDLE_MIN": f"{site.idle_s:g}",
            "BOOTED_AT": f"{time.time():.3f}",
        }
        log = site.log_dir / "watchdog.log"
        return Timer("watchdog", ["bash", str(WATCHDOG)], settings, log, site.watch_every_s, self._say)

    def tend(self) -> None:
        """Keep the units running; call it often."""
        now = time.monotonic()
        for unit in (self._engine, self._worker, self._watchdog):
            unit.tend(now)

    def drain(self) -> None:
        """Shut down in order: the worker first, which gives its jobs back, then the engine. Call it often."""
        if self._draining_since is None:
            self._say("shutting down")
            self._draining_since = time.monotonic()
            self._watchdog.kill()
        self._worker.end()
        if self._worker.gone:
            self._engine.end()

    def off(self) -> bool:
        """Finish the shutdown: call it often, until it says that nothing is left."""
        self.drain()
        since = self._draining_since or 0.0
        if self._worker.gone or time.monotonic() - since > DRAIN_GRACE_S:
            self.cut()
            return True
        return False

    def cut(self) -> None:
        """Take the power away."""
        for unit in (self._watchdog, self._worker, self._engine):
            unit.kill()
        self._stack.close()
        self._say("off")

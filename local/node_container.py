"""A running GPU node as a container that boots systemd, set up by our roles as a node on AWS is.

It is alone in its network: of this machine it reaches IMDS, at its real address, the local AWS, and Redis.
"""

import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psutil
from botocore.exceptions import BotoCoreError, ClientError

from local.addresses import CREDENTIALS
from local.aws.ec2.imds import Credentials, Identity, serve_imds
from local.machine import Site
from local.node_image import SSM_PATH
from local.node_network import Address, forwarded
from local.podman import LABEL, RUN, PodmanError, exists, podman
from local.processes import spawn
from local.units import Say

IMDS = ("169.254.169.254", 80)
OFF_S = 40.0
"""How long a shutdown may take, which is the worker's drain above all; then the power goes."""
_LOGS = {"worker": "/var/log/tinyllama/worker.log", "watchdog": "/var/log/idle_watch.log"}


class Container:
    """One boot of one instance; its disk, which is the container's, is there again at the next one."""

    def __init__(self, site: Site, identity: Identity, say: Say) -> None:
        self._site, self._say, self._stack = site, say, ExitStack()
        self._name = f"tinyllama-{site.tag}-{identity.instance_id}"
        self._init: psutil.Process | None = None
        self._shutdown: subprocess.Popen[bytes] | None = None
        self._draining_since = 0.0
        try:
            self._boot(identity)
        except (BotoCoreError, ClientError, PodmanError, OSError, subprocess.CalledProcessError) as error:
            say(f"the node does not boot: {error}")  # as on AWS, it is billed all the same until somebody stops it

    def _boot(self, identity: Identity) -> None:
        _tell_stack(self._site)
        imds = self._stack.enter_context(serve_imds(identity, Credentials()))
        self._write_endpoints()
        if not exists("container", self._name):
            self._create(identity.instance_id)
        podman("init", self._name)  # everything is there but for its processes: time to lay the network
        pid = int(podman("inspect", "--format={{.State.Pid}}", self._name))
        at_imds = ["ip", "address", "add", f"{IMDS[0]}/32", "dev", "lo"]
        subprocess.run(["nsenter", f"--target={pid}", "--net", "--mount", *at_imds], check=True)
        self._stack.enter_context(forwarded(pid, _doors(self._site, imds.url)))
        podman("start", self._name)
        self._init = psutil.Process(pid)
        self._say(f"systemd boots; look in with: podman exec -it {self._name} bash")

    def _create(self, hostname: str) -> None:
        logs = {self._site.log_dir / f"{part}.log": there for part, there in _LOGS.items()}
        for log in logs:
            log.touch()
        mounts = {self._endpoints: "/etc/systemd/system.conf.d/tinyllama.conf:ro", **logs}
        volumes = [f"--volume={here}:{there}" for here, there in mounts.items()]
        named = [f"--name={self._name}", f"--hostname={hostname}", f"--label={LABEL}={self._site.tag}"]
        podman("create", *RUN, "--network=none", *named, *volumes, self._site.node_image, "/sbin/init")

    @property
    def _endpoints(self) -> Path:
        return self._site.run_dir / f"{self._name}.conf"

    def _write_endpoints(self) -> None:
        # All that differs from a node on AWS: where AWS is, and since when it is up, which the kernel does not know.
        said = {"AWS_ENDPOINT_URL": self._site.aws_url, "BOOTED_AT": f"{time.time():.3f}"}
        words = " ".join(f'"{name}={text}"' for name, text in said.items())
        self._endpoints.write_text(f"[Manager]\nDefaultEnvironment={words}\n")

    def tend(self) -> None:
        """Say once when systemd has ended by itself; its units are its own business."""
        if self._init is not None and not self._init.is_running():
            self._say("systemd has ended by itself: the node is dead until it is stopped and started")
            self._init = None

    def drain(self) -> None:
        """Shut down: systemd stops its units in order. Call it often."""
        if self._shutdown is None:
            self._say("shutting down")
            self._init, self._draining_since = None, time.monotonic()
            self._shutdown = spawn(["podman", "stop", f"--time={OFF_S:.0f}", self._name])

    def off(self) -> bool:
        """Finish the shutdown: call it often, until it says that nothing runs."""
        self.drain()
        ended = self._shutdown is None or self._shutdown.poll() is not None
        if ended or time.monotonic() - self._draining_since > OFF_S:
            self.cut()
            return True
        return False

    def cut(self) -> None:
        """Take the power away; the disk stays."""
        if self._shutdown is not None and self._shutdown.poll() is None:
            self._shutdown.kill()
            self._shutdown.wait()
        subprocess.run(["podman", "stop", "--ignore", "--time=0", self._name], capture_output=True, check=False)
        self._stack.close()
        self._say("off")


def _doors(site: Site, imds_url: str) -> dict[Address, Address]:
    aws = _address(site.aws_url)
    doors = {IMDS: _address(imds_url), aws: aws}
    if "REDIS_HOST" in site.queue:
        redis = (site.queue["REDIS_HOST"], int(site.queue["REDIS_PORT"]))
        doors[redis] = redis
    return doors


def _address(url: str) -> Address:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def _tell_stack(site: Site) -> None:
    """Terraform's part: the settings of the stack's nodes, as SSM parameters."""
    ssm = boto3.client(
        "ssm",
        region_name=site.region,
        endpoint_url=site.aws_url,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    for name, value in (site.settings | {"IDLE_MIN": f"{site.idle_s:g}"}).items():
        if value:  # SSM has no empty ones
            ssm.put_parameter(Name=f"{SSM_PATH}/{name}", Value=value, Type="String", Overwrite=True)

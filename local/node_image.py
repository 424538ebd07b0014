"""The image that a container node boots from: our roles on a bare distribution, baked once, as a machine image on AWS.

Its name is a hash of all that goes into it; so a changed role, lock file or line of the program makes a new one.
"""

import hashlib
import json
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local.podman import LABEL, RUN, PodmanError, exists, lacks, leash, podman
from local.processes import ROOT, environment

NAME = "localhost/tinyllama-node"
SSM_PATH = "/tinyllama/worker"
"""Below it, a stack says where its parts are: what is in the image is the same for every stack."""
_MADE_OF = ("playbooks/site.yml", "requirements/worker.lock", "requirements/engine.lock", "requirements/model.lock")
_CACHE = ROOT / "build" / "hosts" / "cache"
_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_TASK = re.compile(r"^TASK \[(.+?)\]")
_KEEP = 2

Tell = Callable[[str], None]


class ImageError(Exception):
    """There is no image and none can be made; the text says why, and what to do."""


def ensure(tell: Tell, *, slots: int, threads: int | None = None, region: str) -> str:
    """The image's name; makes it first when there is none, which takes a minute or two. `tell` hears how far it is.

    Raises:
        ImageError: a tool is missing, we are not root, or a task failed.
    """
    if why := lacks():
        raise ImageError(why)
    variables = _variables(slots, threads, region)
    with tempfile.TemporaryDirectory(prefix="tinyllama-image-") as folder:
        tell("building the wheel")
        wheel = _wheel(Path(folder))
        tell("looking for the bare distribution")
        base = _base()
        image = f"{NAME}:{_digest(base, wheel, variables)}"
        if not exists("image", image):
            _bake(base, image, variables | {"worker_wheel": str(wheel), "inference_engine_wheel": str(wheel)}, tell)
            _prune()
        return image


def _variables(slots: int, threads: int | None, region: str) -> dict[str, Any]:
    """What the roles are told: of a container, which has no GPU and no kernel of its own."""
    return {
        "base_ssh": False,
        "base_sysctl": {},
        "base_time": "timesyncd",
        "base_unattended_upgrades": False,
        "cloudwatch_agent_source": "none",
        "idle_watchdog_aws_region": region,
        "inference_engine_args": ["--threads", str(threads)] if threads else [],
        "inference_engine_slots": slots,
        "inference_engine_state": "stopped",
        "nvidia_instance_type": "t3.small",
        "nvidia_pci_devices": "/nonexistent",
        "worker_aws_region": region,
        "worker_ssm_path": SSM_PATH,
        "worker_state": "stopped",
    }


def _wheel(folder: Path) -> Path:
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], "the wheel was not built")
    return next(folder.glob("*.whl"))


def _base() -> str:
    return _run([str(ROOT / "local" / "host_image.sh")], "there is no bare distribution to start from").strip()


def _run(command: list[str], what: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"{what}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def _digest(base: str, wheel: Path, variables: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps([base, variables], sort_keys=True).encode())
    for path in (*(ROOT / name for name in _MADE_OF), *sorted(_role_files()), wheel):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _role_files() -> Iterator[Path]:
    for path in (ROOT / "roles").rglob("*"):
        if path.is_file() and path.suffix != ".md" and not {"molecule", "__pycache__"} & set(path.parts):
            yield path


def _bake(base: str, image: str, variables: dict[str, Any], tell: Tell) -> None:
    host = f"tinyllama-bake-{secrets.token_hex(4)}"
    for cache in ("apt/partial", "pip"):
        (_CACHE / cache).mkdir(parents=True, exist_ok=True)
    mounts = {_CACHE / "apt": "/var/cache/apt/archives", _CACHE / "pip": "/var/cache/pip"}
    if _CA_BUNDLE.exists():
        mounts[_CA_BUNDLE] = "/etc/ssl/test-bundle.crt:ro"
    volumes = [f"--volume={here}:{there}" for here, there in mounts.items()]
    with leash(host):
        try:
            tell("booting a bare host")
            named = [f"--name={host}", f"--label={LABEL}={host}", "--network=host"]
            podman("run", "--detach", *RUN, *named, *volumes, base, "/sbin/init")
            _apply_roles(host, variables, tell)
            tell("keeping it as an image")
            podman("stop", "--time=20", host)
            podman("commit", "--quiet", host, image)
        except PodmanError as error:
            raise ImageError(str(error)) from error


def _apply_roles(host: str, variables: dict[str, Any], tell: Tell) -> None:
    with tempfile.TemporaryDirectory(prefix="tinyllama-bake-") as folder:
        inventory, audit = Path(folder) / "inventory.yml", Path(folder) / "audit.jsonl"
        host_variables = {"ansible_connection": "nsenter", "ansible_python_interpreter": "/usr/bin/python3"}
        inventory.write_text(json.dumps({"gpu_node": {"hosts": {host: {**host_variables, **variables}}}}))
        # Tasks are announced when they begin only where those that are skipped are shown, too.
        settings = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "1", "TL_AUDIT_FILE": str(audit)}
        settings |= {"ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "plugins" / "connection"), "ANSIBLE_PIPELINING": "1"}
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "playbooks/site.yml"]
        lines: list[str] = []
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as playbook:
            for line in playbook.stdout or ():
                lines.append(line)
                if task := _TASK.match(line):
                    tell(f"playbooks/site.yml · {task[1]}")
        if playbook.returncode:
            raise ImageError(f"playbooks/site.yml failed ({playbook.returncode}):\n{''.join(lines[-30:])}")


def _prune() -> None:
    """Let the older images go, but for the last ones; one that a node was made from stays until that is gone."""
    made = podman("images", "--sort=created", "--format={{.Repository}}:{{.Tag}}", NAME).splitlines()
    for old in made[_KEEP:]:
        subprocess.run(["podman", "rmi", old], capture_output=True, check=False)

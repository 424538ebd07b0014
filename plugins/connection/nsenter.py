"""Ansible connection: into a podman container's namespaces. `podman exec` costs 0.2 s, and a task needs several."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: nsenter
short_description: into the namespaces of a podman container on this machine, as root
description: Runs what C(local) would run here inside the container that has the inventory host's name.
extends_documentation_fragment: [connection_pipelining]
"""

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PIP_CERT": "/etc/ssl/test-bundle.crt",
    "PIP_CACHE_DIR": "/var/cache/pip",
}


class Connection(LocalConnection):  # type: ignore[misc] # Ansible has no type hints
    """As `local`, but there."""

    transport = "nsenter"
    has_pipelining = True
    _pid = ""

    def _connect(self) -> "Connection":
        super()._connect()
        if not self._pid:
            name = self._play_context.remote_addr
            command = ["podman", "inspect", "--format", "{{.State.Pid}}", name]
            asked = subprocess.run(command, capture_output=True, text=True, check=False)
            self._pid = asked.stdout.strip()
            if asked.returncode or self._pid == "0":
                raise AnsibleConnectionFailure(f"no container {name} runs here: {asked.stderr}")
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """Run it as PID 1's neighbour."""
        self._connect()
        environment = " ".join(f"{name}={text}" for name, text in _ENVIRONMENT.items())
        inside = f"nsenter --target {self._pid} --mount --uts --ipc --net --pid env --chdir=/root --ignore-environment"
        return super().exec_command(f"{inside} {environment} {cmd}", in_data=in_data, sudoable=sudoable)

    def _there(self, path: str) -> Path:
        # Not through LocalConnection, which resolves links: /proc/PID/root is one, and leads back here.
        self._connect()
        return Path(f"/proc/{self._pid}/root") / path.lstrip("/")

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy it in."""
        shutil.copyfile(in_path, self._there(out_path))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy it out."""
        shutil.copyfile(self._there(in_path), out_path)

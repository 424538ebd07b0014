"""The `tl` command, with a folder for state of its own."""

import subprocess
import sys
from pathlib import Path

import psutil

from local.processes import ROOT, ProcessId, environment
from local.state import Home, State


class Tl:
    """Call it as a user would: `tl("ask", "Say hi")`."""

    def __init__(self, path: Path, **settings: str) -> None:
        self.home = Home(path)
        self._env = environment({"TL_HOME": str(path), "COLUMNS": "200", **settings})

    def start(self, *words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "local", *words]
        return subprocess.Popen(command, env=self._env, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=pipe)

    def __call__(self, *words: str, stdin: str = "", timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
        with self.start(*words) as process:
            stdout, stderr = process.communicate(stdin, timeout=timeout_s)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def up(self, *options: str, timeout_s: float = 100) -> State:
        done = self("up", *options, timeout_s=timeout_s)
        assert done.returncode == 0, done.stderr
        return self.state

    @property
    def state(self) -> State:
        state = self.home.read()
        assert state is not None
        return state

    def everything(self) -> list[ProcessId]:
        supervisor = psutil.Process(self.state.supervisor.pid)
        return [ProcessId.of(one.pid) for one in (supervisor, *supervisor.children(recursive=True))]

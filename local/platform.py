"""`python -m local.platform HOME OPTIONS`: the supervisor as a process.

The local AWS needs longest to start, so it is started before anything is imported that can wait.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.folder import Folder
from local.processes import spawn
from tinyllama.imports import importing

ALREADY_RUNNING = 75


def start_part(folder: Folder, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `local.NAME` as a child that dies with us."""
    command = [sys.executable, "-m", "local.part", name, *arguments, "--ready-file", str(folder.ready_file(name))]
    return spawn(command, log=folder.log(name))


def main(argv: Sequence[str] | None = None) -> int:
    """Supervise until SIGTERM; exit code 3 when a part failed, 75 when there is a supervisor already."""
    path, options = argv or sys.argv[1:]
    folder = Folder(Path(path))
    with folder.lock() as alone:
        if not alone:
            return ALREADY_RUNNING
        folder.prepare()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit())  # until `supervise` has its own way to end
        asked = json.loads(options)
        times = ("--boot-s", str(asked["boot_s"]), "--stop-s", str(asked["stop_s"]))
        aws = start_part(folder, "aws", "--port", "0", *times)
        try:
            with importing():
                from local.state import Home, Options  # noqa: PLC0415 -- see above
                from local.supervisor import supervise  # noqa: PLC0415
        except BaseException:  # told to end meanwhile: not every system ends children with their parent
            aws.kill()
            raise
        return supervise(Home(folder.path), Options.model_validate_json(options), aws)


if __name__ == "__main__":
    sys.exit(main())

"""Runs `ansible-playbook` for tests, forked from a process that has imported it and its plugins: most of a short run.

It is Ansible's own code, in a process and an environment of its own. Only what Ansible reads while it is imported,
`ansible.cfg` and `ANSIBLE_*`, is as it was when this began: whoever needs that otherwise starts `ansible-playbook`.
A line of JSON on standard input asks for a run; one line with its pid answers, and at its end one with its exit code.
"""

import atexit
import gc
import importlib
import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn

from ansible import config
from ansible.cli import playbook
from ansible.config.manager import cleanup_tmp_file
from ansible.plugins import loader
from ansible.utils.collection_loader import _collection_finder

_ROOT = Path(__file__).parents[2]
_PLUGINS = ("become", "cache", "callback", "connection", "inventory", "shell", "strategy", "vars")


def main() -> None:
    """Serve until standard input ends."""
    for path in sorted((_ROOT / "library").glob("tl_*.py")):
        importlib.import_module(f"library.{path.stem}")
    importlib.import_module("boto3")
    _read_redirects()
    for kind in _PLUGINS:  # whose documentation, YAML that declares their options, each run would read
        list(getattr(loader, f"{kind}_loader").all(class_only=True))
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run(**json.loads(line))
        _answer(pid)
        _, status = os.waitpid(pid, 0)
        _answer(os.waitstatus_to_exitcode(status))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _read_redirects() -> None:
    """Read once what Ansible reads of its own collection in each run: 376 kB of YAML."""
    read = cache(_collection_finder._meta_yml_to_dict)  # which has a parameter for those who cache
    _collection_finder._meta_yml_to_dict = read
    read(
        (Path(config.__file__).parent / "ansible_builtin_runtime.yml").read_bytes(), ("ansible.builtin", "runtime.yml")
    )


def _run(arguments: list[str], env: dict[str, str], output: str) -> NoReturn:
    atexit.unregister(cleanup_tmp_file)  # all runs share one folder for what they unpack
    os.environ.clear()
    os.environ.update(env)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
    os.dup2(1, 2)
    sys.argv = ["ansible-playbook", *arguments]
    playbook.main()
    raise SystemExit("ansible-playbook came back")


if __name__ == "__main__":
    main()

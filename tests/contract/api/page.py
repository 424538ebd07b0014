"""A page of documentation whose commands are run: blocks of `bash`, and the `text` below that they have to print."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.processes import ROOT

_BLOCK = re.compile(r"```bash\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
_PRINT = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"


@dataclass(frozen=True, slots=True)
class Page:
    """`set_up` are the commands that print nothing; `examples` the others, with what they print, in order."""

    text: str
    set_up: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, path: Path) -> "Page":
        """Read a page, whose every block must be found."""
        text = path.read_text()
        blocks = _BLOCK.findall(text)
        if text.count("```bash") != len(blocks) or text.count("```text") != sum(bool(said) for _, said in blocks):
            raise ValueError(f"{path.name}: a block is not written as the others are")
        examples = tuple((command, said) for command, said in blocks if said)
        return cls(text, tuple(command for command, said in blocks if not said), examples)

    def shell(self, env: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment of a reader who did what the page says first."""
        found: Mapping[str, str] = json.loads(bash("\n".join([*self.set_up, _PRINT]), env))
        return found


def bash(script: str, env: Mapping[str, str]) -> str:
    """Run a script in the repository's root, and return what it prints; it must succeed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(command: str, said: str, env: Mapping[str, str]) -> None:
    """Run an example and compare; `…` stands for anything."""
    printed = bash(command, env)
    assert re.fullmatch(re.escape(said).replace("…", ".+"), printed), f"{command}\nprinted\n{printed}"

"""What stands in `terraform/`, read as text: `terraform fmt` has put every block at the start of a line."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from local.processes import ROOT

CONFIGURATION = ROOT / "terraform"
MODULES = sorted(path for path in (CONFIGURATION / "modules").iterdir() if path.is_dir())
FOLDERS = [CONFIGURATION, *MODULES]
_BLOCK = re.compile(r'^(\w+)((?: "[^"]+")*) \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One block: its kind (as `resource`), its labels, its text, and the file it is in."""

    kind: str
    labels: Sequence[str]
    text: str
    path: Path

    def __str__(self) -> str:
        """As in a message."""
        return f"{self.path.relative_to(CONFIGURATION)}: {self.kind} {'.'.join(self.labels)}"

    def has(self, argument: str) -> bool:
        """Whether the argument is set, in the block itself."""
        return re.search(rf"^  {argument} +=", self.text, re.MULTILINE) is not None


def blocks(folder: Path, *kinds: str) -> Iterator[Block]:
    """The blocks of these kinds in the files of a folder."""
    for path in sorted(folder.glob("*.tf")):
        for kind, labels, text in _BLOCK.findall(path.read_text()):
            if kind in kinds:
                yield Block(kind, re.findall(r'"([^"]+)"', labels), text, path)


def rejections(folder: Path) -> list[str]:
    """What the tests of a folder expect to be refused, as `var.region`, once for each run."""
    text = "".join(path.read_text() for path in sorted(folder.glob("tests/*.tftest.hcl")))
    return re.findall(r"expect_failures += \[([\w.]+)\]", text)

"""`python -m local.part NAME ...` runs `python -m local.NAME ...`, and is sooner ready for work.

What a program imports, it keeps. To look through all of it for garbage, again and again while it grows, takes a third
of the time until the local AWS serves.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

_MODULES = {"aws": "local.aws.__main__"}


@contextmanager
def importing() -> Iterator[None]:
    """Import without the garbage collector, which will never look at what is there at the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def main() -> int:
    """Import the part and run it; its exit code."""
    name, *arguments = sys.argv[1:]
    with importing():
        module = import_module(_MODULES.get(name, f"local.{name}"))
    return int(module.main(arguments))


if __name__ == "__main__":
    sys.exit(main())

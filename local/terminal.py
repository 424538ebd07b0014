"""What `tl` prints: results on stdout, everything about the way there on stderr."""

from enum import IntEnum
from typing import NoReturn

import typer
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """Exit codes of `tl`, documented in its help."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    RATE_LIMITED = 4
    INTERRUPTED = 130


def fail(message: str, todo: str = "", *, code: Exit = Exit.FAILED) -> NoReturn:
    """Say what went wrong and what to do about it, and end."""
    err.print(f"[bold red]tl:[/] {message}", markup=True)
    if todo:
        err.print(f"    {todo}", style="dim")
    raise typer.Exit(code)

"""The recorded picture of a terminal."""

import re
from io import StringIO

from rich.console import Console

from local.picture import svg_of


def test_a_picture_holds_the_text_and_refers_to_no_server() -> None:
    console = Console(record=True, file=StringIO(), width=60)
    console.print("[bold]node is ready[/]")
    svg = svg_of(console, title="make demo")
    assert "ready" in svg
    assert set(re.findall(r"https?://[^\"\s)]+", svg)) == {"http://www.w3.org/2000/svg"}

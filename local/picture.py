"""A console's recording as an SVG that needs nothing from elsewhere."""

import re

from rich.console import Console

_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def svg_of(console: Console, *, title: str) -> str:
    """The picture; rich would fetch its font from a server, the reader's own monospace font does as well."""
    svg = console.export_svg(title=title)
    return _COMMENT.sub("", _FONT_FACE.sub("", svg)).replace("Fira Code", "ui-monospace")

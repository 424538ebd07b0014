"""JSON as the functions write it: in ASCII, on one line."""

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json


def json_text(value: Any) -> str:
    """`value` as JSON, by pydantic, which takes a quarter of the standard library's time. Raises `TypeError`."""
    try:
        return to_json(value, ensure_ascii=True).decode()
    except PydanticSerializationError:
        return json.dumps(value)  # a text may hold half a surrogate pair: JSON can say that, UTF-8 cannot

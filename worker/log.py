"""The worker's log: one JSON object a line on stdout, for journald and CloudWatch alike. Never a prompt or a reply."""

import json
import sys
import time

_encode = json.JSONEncoder(default=str).encode


def log(event: str, **fields: object) -> None:
    """Write one record; `event` says what happened, in a few words."""
    record = {"ts": round(time.time(), 3), "event": event, **fields}
    sys.stdout.write(_encode(record) + "\n")
    sys.stdout.flush()

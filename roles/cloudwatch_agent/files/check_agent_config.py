#!/usr/bin/env python3
"""Says what is wrong with a configuration of the CloudWatch agent: check_agent_config.py FILE. Exit code 1 if so.

The schema is beside this file. It is stricter than the agent, which drops what it does not know and goes on without
those logs.
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft7Validator


def faults(text: str) -> list[str]:
    """One line for each fault."""
    schema = json.loads((Path(__file__).parent / "agent_schema.json").read_text())
    try:
        config = json.loads(text)
    except ValueError as error:
        return [f"this is no JSON: {error}"]
    found = sorted(Draft7Validator(schema).iter_errors(config), key=lambda error: list(map(str, error.path)))
    return [f"{'.'.join(map(str, error.path)) or 'the file'}: {error.message}" for error in found]


def main() -> int:
    """Print the faults of a file."""
    found = faults(Path(sys.argv[1]).read_text())
    sys.stderr.writelines(f"CloudWatch agent: {line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""How our methods are hung into moto's classes and modules for a while, and taken out again."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_ABSENT: Any = object()


@contextmanager
def replaced(owner: type | ModuleType, name: str, value: Any) -> Iterator[None]:
    """Let `value` stand for a method or attribute of moto's, or for one that it lacks, as long as the context lasts."""
    original = owner.__dict__.get(name, _ABSENT)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if original is _ABSENT:  # moto lacks it, or a base class has it
            delattr(owner, name)
        else:
            setattr(owner, name, original)

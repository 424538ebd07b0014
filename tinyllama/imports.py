"""Imports for good: most of a start is importing, and a tenth to a third of that is looking for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Import without the garbage collector, which will never look at what is there at the end.

    It would walk through everything, again and again, while nothing but lasting things are made. Inside another such
    block it stays off.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()

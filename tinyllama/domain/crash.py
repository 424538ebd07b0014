"""What may be logged of an exception that nobody expected."""

import traceback

from tinyllama.domain.errors import TinyllamaError


def places(error: BaseException) -> str:
    """Which exceptions there were, causes first, and where; of a foreign one its type only.

    Its words may repeat what it was about: pydantic quotes the value, a server the command. That may be a prompt, a
    reply or a token, and those never appear in a log. Ours are written by us and hold none.
    """
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    said = f": {error}" if isinstance(error, TinyllamaError) else ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    own = f"Traceback (most recent call last):\n{frames}{type(error).__name__}{said}"
    return f"{places(before)}\n{own}" if before else own

"""Named queries of Athena can be deleted, which moto lacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.athena.responses import AthenaResponse

from local.aws.core.seam import replaced


@contextmanager
def installed() -> Iterator[None]:
    """Add DeleteNamedQuery for as long as the context lasts."""
    with replaced(AthenaResponse, "delete_named_query", _delete_named_query):
        yield


def _delete_named_query(response: Any) -> tuple[str, dict[str, int]] | str:
    if response.athena_backend.named_queries.pop(response._get_param("NamedQueryId"), None) is None:  # noqa: SLF001
        return response.error("Named query does not exist", 400)  # type: ignore[no-any-return]  # moto is untyped
    return "{}"

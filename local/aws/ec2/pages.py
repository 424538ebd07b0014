"""Lists of volumes, snapshots and images: `MaxResults`, `NextToken` and a snapshot's owner, which moto does not read.

Source: Amazon EC2 API Reference, "DescribeVolumes" and its like, "Pagination". Without `MaxResults` all comes at once.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidParameterValueError
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from local.aws.core.seam import replaced

_PAGED = (
    (ElasticBlockStore, "describe_volumes", "Volumes"),
    (ElasticBlockStore, "describe_snapshots", "Snapshots"),
    (AmisResponse, "describe_images", "Images"),
)
_LEAST, _MOST = 5, 1_000


@contextmanager
def installed() -> Iterator[None]:
    """Give pages for as long as the context lasts."""
    with ExitStack() as undo:
        for owner, name, key in _PAGED:
            undo.enter_context(replaced(owner, name, _paged(getattr(owner, name), key)))
        yield


def _paged(original: Callable[[Any], ActionResult], key: str) -> Callable[[Any], ActionResult]:
    def describe(response: Any) -> ActionResult:
        answer: Any = original(response)
        size, token = response._get_int_param("MaxResults"), response._get_param("NextToken")  # noqa: SLF001
        if size is None:
            return ActionResult({key: _owned(response, answer.result[key])})
        start = int(token) if token and token.isdecimal() else 0
        if not _LEAST <= size <= _MOST or (token and not start):
            raise InvalidParameterValueError(token or str(size))
        everything = _owned(response, answer.result[key])
        more = str(start + size) if start + size < len(everything) else None
        return ActionResult({key: everything[start : start + size], "NextToken": more})

    return describe


def _owned(response: Any, found: list[Any]) -> list[Any]:
    owners = response._get_param("OwnerIds", [])  # noqa: SLF001
    wanted = {response.current_account if owner == "self" else owner for owner in owners}
    return [one for one in found if not wanted or one.owner_id in wanted]

"""Leases in memory; nothing is ever stopped by them."""

from tinyllama.domain.errors import LeaseError


class MemoryLeases:
    """`Leases` in memory. `granted` holds every grant in order; while `error` is set, every call raises it."""

    def __init__(self) -> None:
        self.granted: list[tuple[str, int]] = []
        self.error: LeaseError | None = None

    def grant(self, node_id: str, until: int) -> None:
        self._hit()
        self.granted.append((node_id, until))

    def ends_at(self, node_id: str) -> int | None:
        self._hit()
        return dict(self.granted).get(node_id)

    def _hit(self) -> None:
        if self.error:
            raise self.error

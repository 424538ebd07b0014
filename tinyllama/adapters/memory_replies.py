"""`ReplyStore` in memory, for tests that are not about S3."""

from tinyllama.domain.errors import ReplyStoreError
from tinyllama.domain.replies import Reply


class MemoryReplies:
    """Keeps the first reply of each job; refuses the next `refusals` writes."""

    def __init__(self) -> None:
        self.objects: dict[str, Reply] = {}
        self.refusals = 0

    async def put(self, reply: Reply) -> Reply:
        if self.refusals:
            self.refusals -= 1
            raise ReplyStoreError("the store is away")
        return self.objects.setdefault(reply.id, reply)

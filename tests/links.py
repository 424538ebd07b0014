"""A redis-py client, such as fakeredis's, where our adapters want a `Link`."""

from collections.abc import Sequence
from typing import Any

import redis
import redis.asyncio

from tinyllama.adapters.redis_scripts import source
from tinyllama.domain.errors import QueueUnavailableError


class ClientLink:
    """`Link` through redis-py."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client: Any = client

    def run(self, script: str, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        return self.ask("EVAL", source(script), len(keys), *keys, *args)

    def ask(self, *words: str | int) -> Any:
        try:
            return self._client.execute_command(*words)
        except redis.RedisError as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error

    def wait_and_run(
        self, words: Sequence[str | int], wait_s: float, script: str, keys: Sequence[str], args: Sequence[str | int]
    ) -> Any:
        self.ask(*words)
        return self.run(script, keys, args)


class AsyncClientLink:
    """`AsyncLink` through redis-py's asyncio client."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client: Any = client

    async def run(self, script: str, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        return await self.ask("EVAL", source(script), len(keys), *keys, *args)

    async def ask(self, *words: str | int) -> Any:
        try:
            return await self._client.execute_command(*words)
        except redis.RedisError as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error

    async def wait_and_run(
        self, words: Sequence[str | int], wait_s: float, script: str, keys: Sequence[str], args: Sequence[str | int]
    ) -> Any:
        await self.ask(*words)
        return await self.run(script, keys, args)

    async def close(self) -> None:
        await self._client.aclose()

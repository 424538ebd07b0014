"""Any engine that speaks OpenAI's chat completions over HTTP: vLLM, llama.cpp's server, xllamacpp.

Source: OpenAI API reference, "Create chat completion" with `stream` and `stream_options.include_usage`. Where the
three differ, see `docs/engines.md` and the recorded answers in `tests/engine_answers/`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import tenacity

from tinyllama.domain.errors import EngineError
from tinyllama.domain.replies import Usage
from tinyllama.ports import Chunk
from worker.engine_errors import EngineBusyError, failure
from worker.engine_stream import events
from worker.generation import Generation

_CONNECT_S, _HEALTH_S = 5.0, 2.0
_ERROR_BYTES = 65_536
_DONE = b"[DONE]"


class OpenAiEngine:
    """`Engine` over HTTP. `timeout_s` bounds every silence, and the time for which a busy engine is asked again.

    Make it in a running event loop. Each generation has a connection of its own: one that the server has just given
    up, which it does after five idle seconds, would cost a job a try.
    """

    def __init__(self, url: str, model: str, generation: Generation, *, timeout_s: float) -> None:
        self._model, self._generation, self._timeout_s = model, generation, timeout_s
        self._http = aiohttp.ClientSession(
            base_url=url.rstrip("/") + "/",
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=timeout_s),
        )

    @property
    def model(self) -> str:
        return self._model

    async def healthy(self) -> bool:
        try:
            async with self._http.get("health", timeout=aiohttp.ClientTimeout(total=_HEALTH_S)) as answer:
                return answer.ok
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def generate(self, prompt: str) -> AsyncIterator[Chunk]:
        body = self._generation.request(self._model, prompt)
        try:
            async with await self._post(body) as response:
                async for chunk in _chunks(response):
                    yield chunk
        except TimeoutError as error:
            raise EngineError("engine_timeout", f"the engine was silent for too long ({error!r})") from error
        except aiohttp.ClientError as error:
            raise EngineError("engine_unreachable", f"the engine broke off ({type(error).__name__})") from error

    async def _post(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        """The answer once there is a good one; a busy engine is asked again."""
        return await tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(EngineBusyError),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5.0),
            stop=tenacity.stop_after_delay(self._timeout_s),
            reraise=True,
        )(self._post_once, body)

    async def _post_once(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        response = await self._http.post("v1/chat/completions", json=body)
        if response.ok:
            return response
        async with response:
            raise failure(response.status, await _whole(response.content))

    async def close(self) -> None:
        await self._http.close()


async def _whole(content: aiohttp.StreamReader) -> bytes:
    try:
        return await content.readexactly(_ERROR_BYTES)
    except asyncio.IncompleteReadError as end:
        return end.partial


@dataclass(slots=True)
class _Reading:
    """What has been read of an answer."""

    pieces: int = 0
    usage: Usage | None = None
    finished: bool = False

    def take(self, data: bytes) -> str:
        """Take in an event; returns its text."""
        try:
            event = json.loads(data)
            if event.get("error") or event.get("object") == "error":
                raise failure(200, data)
            text = self._take(event)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            # What it sent may be part of a reply, and this message goes into the log.
            message = f"{len(data)} bytes are no chat completion chunk ({type(error).__name__})"
            raise EngineError("engine_garbage", message) from None
        self.pieces += bool(text)
        return text

    def _take(self, event: Mapping[str, Any]) -> str:
        usage, choices = event.get("usage"), event.get("choices") or []
        if usage:
            self.usage = Usage(**{name: usage[name] for name in Usage.model_fields})
        if not choices:
            return ""
        self.finished = self.finished or bool(choices[0].get("finish_reason"))
        return (choices[0].get("delta") or {}).get("content") or ""

    def end(self) -> Usage:
        """What was used; a server that does not count sends about one token a piece."""
        return self.usage or Usage(prompt_tokens=0, completion_tokens=self.pieces)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[Chunk]:
    reading = _Reading()
    async for found in events(response, lambda: reading.pieces > 0):
        if text := "".join(map(reading.take, _before_done(found))):
            yield Chunk(text)
        if found[-1] == _DONE:
            break
    else:
        if not reading.finished:
            raise EngineError("engine_broke_off", "the engine closed the stream in the middle of a reply")
    yield Chunk(usage=reading.end())


def _before_done(found: Iterable[bytes]) -> Iterable[bytes]:
    return (data for data in found if data != _DONE)

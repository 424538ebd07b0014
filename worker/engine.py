"""Any engine that speaks OpenAI's chat completions over HTTP with server-sent events.

Source: OpenAI API reference, "Create chat completion" with `stream` and `stream_options.include_usage`.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import httpx_sse

from tinyllama.domain.errors import EngineError
from tinyllama.domain.jobs import Usage
from tinyllama.ports import Chunk

_DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Generation:
    """How to generate: at most `max_tokens` tokens, at a sampling `temperature`."""

    max_tokens: int = 256
    temperature: float = 0.7


class OpenAiEngine:
    """`Engine` over HTTP. `timeout_s` bounds every silence, not the whole generation."""

    def __init__(self, url: str, model: str, generation: Generation, *, timeout_s: float, slots: int) -> None:
        self._model = model
        self._generation = generation
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            limits=httpx.Limits(max_connections=slots + 1, max_keepalive_connections=slots + 1),
            trust_env=False,  # the engine is on this host: no proxy between
        )

    @property
    def model(self) -> str:
        return self._model

    async def healthy(self) -> bool:
        try:
            return (await self._client.get("/health", timeout=2.0)).is_success
        except httpx.HTTPError:
            return False

    async def generate(self, prompt: str) -> AsyncIterator[Chunk]:
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self._generation.max_tokens,
            "temperature": self._generation.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        try:
            async with httpx_sse.aconnect_sse(self._client, "POST", "/v1/chat/completions", json=body) as source:
                await _refused(source.response)
                async for chunk in _chunks(source):
                    yield chunk
        except httpx.TimeoutException as error:
            raise EngineError("engine_timeout", f"the engine was silent for too long ({error!r})") from error
        except (httpx.HTTPError, httpx_sse.SSEError) as error:
            raise EngineError("engine_unreachable", f"the engine broke off ({error!r})") from error

    async def close(self) -> None:
        await self._client.aclose()


async def _refused(response: httpx.Response) -> None:
    if response.is_success:
        return
    text = (await response.aread())[:200].decode(errors="replace")
    raise EngineError("engine_refused", f"the engine answered {response.status_code}: {text}")


async def _chunks(source: httpx_sse.EventSource) -> AsyncIterator[Chunk]:
    finished = False
    async for event in source.aiter_sse():
        if event.data == _DONE:
            return
        try:
            chunk, last = _chunk(json.loads(event.data))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # What it sent may be part of a reply, and this message goes into the log.
            message = f"{len(event.data)} characters are no chat completion chunk ({type(error).__name__})"
            raise EngineError("engine_garbage", message) from None
        finished = finished or last
        yield chunk
    if not finished:
        raise EngineError("engine_broke_off", "the engine closed the stream in the middle of a reply")


def _chunk(data: Mapping[str, Any]) -> tuple[Chunk, bool]:
    if "error" in data:
        raise EngineError("engine_refused", str(data["error"])[:200])
    usage, choices = data.get("usage"), data.get("choices") or []
    text = (choices[0].get("delta") or {}).get("content") or "" if choices else ""
    counted = Usage(**{name: usage[name] for name in Usage.model_fields}) if usage else None
    return Chunk(text, counted), bool(choices and choices[0].get("finish_reason"))

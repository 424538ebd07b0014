"""What the worker makes of an engine's answers, good and bad, over a real socket."""

import pytest

from tests.engines import Mode, http_engine
from tinyllama.domain.errors import EngineError
from tinyllama.domain.jobs import Usage
from worker.engine import Generation, OpenAiEngine


def engine(url: str) -> OpenAiEngine:
    return OpenAiEngine(url, "m", Generation(), timeout_s=0.2, slots=1)


async def generate(url: str) -> tuple[str, Usage | None]:
    using, text, usage = engine(url), "", None
    try:
        async for chunk in using.generate("hi"):
            text += chunk.text
            usage = chunk.usage or usage
    finally:
        await using.close()
    return text, usage


async def test_text_and_usage_arrive_as_they_were_streamed() -> None:
    async with http_engine(Mode.GOOD) as url:
        assert await generate(url) == ("Hello world", Usage(prompt_tokens=7, completion_tokens=2))


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (Mode.REFUSES, "engine_refused"),
        (Mode.HANGS, "engine_timeout"),
        (Mode.GARBAGE, "engine_garbage"),
        (Mode.BREAKS_OFF, "engine_unreachable"),
        (Mode.ENDS_EARLY, "engine_broke_off"),
        (Mode.SENDS_ERROR, "engine_refused"),
    ],
)
async def test_every_misbehaviour_has_its_reason(mode: Mode, reason: str) -> None:
    async with http_engine(mode) as url:
        with pytest.raises(EngineError) as caught:
            await generate(url)
    assert caught.value.reason == reason


async def test_an_engine_that_is_not_there_is_unreachable_and_not_healthy() -> None:
    nobody = "http://127.0.0.1:9"
    with pytest.raises(EngineError) as caught:
        await generate(nobody)
    assert caught.value.reason == "engine_unreachable"
    using = engine(nobody)
    assert not await using.healthy()
    await using.close()


async def test_what_an_engine_sent_in_place_of_a_chunk_is_not_repeated_in_the_error() -> None:
    async with http_engine(Mode.GARBAGE) as url:
        with pytest.raises(EngineError) as caught:
            await generate(url)
    assert "not json" not in str(caught.value), "it may be part of a reply, and the error is logged"

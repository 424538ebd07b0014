"""What the worker makes of engines' answers, good and bad, over a real socket; they are in `tests/engine_answers`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines import ANSWERS, Answer, Mode, http_engine
from tinyllama.domain.errors import EngineError, SettingsError
from tinyllama.domain.replies import Usage
from worker import engine_stream
from worker.engine import OpenAiEngine
from worker.engine_errors import failure
from worker.engine_stream import LONGEST_EVENT
from worker.generation import Generation

SECRET = "SECRET"
"""What an engine repeats of a prompt or a reply."""


def engine(url: str, timeout_s: float = 0.2, **generation: object) -> OpenAiEngine:
    return OpenAiEngine(url, "m", Generation.model_validate(generation), timeout_s=timeout_s)


async def generate(url: str, timeout_s: float = 0.2) -> tuple[str, Usage | None]:
    using, text, usage = engine(url, timeout_s), "", None
    try:
        async for chunk in using.generate("hi"):
            text += chunk.text
            usage = chunk.usage or usage
    finally:
        await using.close()
    return text, usage


async def failing(*answers: Answer) -> EngineError:
    async with http_engine(*answers) as asked:
        with pytest.raises(EngineError) as caught:
            await generate(asked.url)
    return caught.value


@pytest.mark.parametrize("pieces", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("server", "text", "prompt_tokens", "completion_tokens"),
    [
        ("xllamacpp", "Hello there! I'm", 33, 5),
        ("xllamacpp_without_usage", "Hello there! I'm", 0, 5),
        ("xllamacpp_context_full", "\ndef(", 2031, 17),
        ("llamacpp_older", "Hello world", 7, 2),
        ("vllm", "Hello world", 7, 2),
    ],
)
async def test_text_and_usage_arrive_whichever_server_streams_them_however_it_cuts_them(
    server: str, text: str, prompt_tokens: int, completion_tokens: int, pieces: int
) -> None:
    async with http_engine(Answer.recorded(server, pieces=pieces)) as asked:
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
        assert await generate(asked.url, timeout_s=5) == (text, usage)


async def test_a_proxy_that_ends_lines_with_carriage_returns_changes_nothing() -> None:
    plain = Answer.recorded("vllm")
    async with http_engine(Answer(200, plain.body.replace(b"\n", b"\r\n"), pieces=3)) as asked:
        assert (await generate(asked.url, timeout_s=5))[0] == "Hello world"


@pytest.mark.parametrize(
    ("server", "reason", "final"),
    [
        ("xllamacpp_too_long", "context_exceeded", True),
        ("vllm_too_long", "context_exceeded", True),
        ("vllm_no_room_for_reply", "context_exceeded", True),
        ("vllm_older_too_long", "context_exceeded", True),
        ("llamacpp_loading", "engine_busy", False),
        ("llamacpp_all_slots_full", "engine_refused", False),
        ("llamacpp_error_field", "engine_refused", False),
        ("vllm_fails_midway", "engine_refused", False),
        ("vllm_dead", "engine_refused", False),
    ],
)
async def test_a_refusal_has_its_reason_and_only_what_never_fits_is_final(
    server: str, reason: str, final: bool
) -> None:
    error = await failing(Answer.recorded(server, pieces=5))
    assert (error.reason, error.final) == (reason, final)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer.breaking(Mode.HANGS), "engine_timeout"),
        (Answer.breaking(Mode.BREAKS_OFF), "engine_unreachable"),
        (Answer.breaking(Mode.ENDS_EARLY), "engine_broke_off"),
        (Answer(200, b"data: {not json\n\n"), "engine_garbage"),
        (Answer(200, b"data: [1, 2]\n\n"), "engine_garbage"),
        (Answer(200, b'data: {"error": null, "choices": []}\n\n'), "engine_broke_off"),
        (Answer(200, b'data: {"choices": [{"delta": "SECRET"}]}\n\n'), "engine_garbage"),
        (Answer(200, b"data: " + b"x" * LONGEST_EVENT * 2, pieces=65_536), "engine_garbage"),
        (Answer(200, b""), "engine_broke_off"),
        (Answer(500, b"boom"), "engine_refused"),
        (Answer(404, b'{"error": "SECRET"}'), "engine_refused"),
    ],
)
async def test_every_misbehaviour_has_its_reason(answer: Answer, reason: str) -> None:
    error = await failing(answer)
    assert (error.reason, error.final) == (reason, False)
    assert SECRET not in str(error), "it may be part of a reply, and it is logged"


@contextlib.asynccontextmanager
async def writing(
    write: Callable[[asyncio.StreamWriter], Awaitable[None]], *, first: bytes | None = None
) -> AsyncIterator[str]:
    """The URL of an engine that says hello, or `first`, and then whatever `write` writes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + (first or said("Hello")))
        await write(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def said(word: str) -> bytes:
    return b'data: {"choices": [{"delta": {"content": "%b"}, "finish_reason": null}]}\n\n' % word.encode()


async def test_the_end_of_a_reply_is_not_kept_until_the_next_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_stream, "TICK_S", 3_600.0)
    heard = asyncio.Event()

    async def write(writer: asyncio.StreamWriter) -> None:
        await heard.wait()
        writer.write(said(" world") + b"data: [DONE]\n\n")

    async with writing(write) as url:
        using, pieces = engine(url, timeout_s=30), list[str]()
        async for chunk in using.generate("hi"):
            pieces.append(chunk.text)
            heard.set()
        await using.close()

    assert pieces == ["Hello", " world", ""]


async def test_the_first_text_is_not_kept_until_the_next_tick_when_something_else_came_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_stream, "TICK_S", 3_600.0)
    heard = asyncio.Event()

    async def write(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)  # it has been read by then; if not, the test proves less and still passes
        writer.write(said("Hello"))
        await heard.wait()  # for ever, if it were read at the end only
        writer.write(b"data: [DONE]\n\n")

    async with writing(write, first=b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n') as url:
        using = engine(url, timeout_s=30)
        async for chunk in using.generate("hi"):
            assert chunk.text in {"Hello", ""}
            heard.set()
        await using.close()


async def test_text_arrives_while_the_engine_writes_on() -> None:
    read = asyncio.Event()

    async def write(writer: asyncio.StreamWriter) -> None:
        for word in (" and", " so", " on"):
            writer.write(said(word))
            await writer.drain()
        await read.wait()  # for ever, if nothing were read before the end
        writer.write(b"data: [DONE]\n\n")

    async with writing(write) as url:
        using, pieces = engine(url, timeout_s=30), list[str]()
        async for chunk in using.generate("hi"):
            pieces.append(chunk.text)
            if "".join(pieces) == "Hello and so on":
                read.set()
        await using.close()

    assert "".join(pieces) == "Hello and so on"


async def test_a_busy_engine_is_asked_again_before_it_costs_the_job_a_try() -> None:
    busy, good = Answer(429, b"{}"), Answer.recorded("vllm")
    async with http_engine(busy, Answer.recorded("llamacpp_loading"), good) as asked:
        assert (await generate(asked.url, timeout_s=10))[0] == "Hello world"
    assert len(asked.bodies) == 3


async def test_an_engine_that_is_not_there_is_unreachable_and_not_healthy() -> None:
    nobody = "http://127.0.0.1:9"
    with pytest.raises(EngineError) as caught:
        await generate(nobody)
    assert caught.value.reason == "engine_unreachable"
    using = engine(nobody)
    assert not await using.healthy()
    await using.close()


@pytest.mark.parametrize("name", [path.stem for path in sorted(ANSWERS.glob("*.txt")) if SECRET in path.read_text()])
async def test_nothing_an_engine_says_is_repeated_in_the_error(name: str) -> None:
    assert SECRET not in str(await failing(Answer.recorded(name))), "it may be part of a prompt, and it is logged"


@given(st.integers(400, 599), st.one_of(st.binary(), st.text().map(str.encode)), st.text(), st.text())
def test_whatever_an_engine_refuses_with_has_a_reason_and_a_short_message(
    status: int, body: bytes, kind: str, code: str
) -> None:
    for said in (body, f'{{"error": {{"type": {kind!r}, "code": {code!r}}}}}'.encode(errors="replace")):
        error = failure(status, said)
        assert error.reason in {"engine_refused", "engine_busy", "context_exceeded"}
        assert len(str(error)) < 200


def test_the_message_tells_the_status_and_the_codes_of_a_refusal() -> None:
    body = Answer.recorded("vllm_dead").body
    assert str(failure(500, body)) == "the engine answered 500 type=InternalServerError code=500"


async def test_the_engine_is_asked_as_the_settings_say() -> None:
    async with http_engine(Answer.recorded("vllm")) as asked:
        using = engine(asked.url, 5, seed=7, stop=["\n\n"], system_prompt="Be brief.", top_p=0.5, temperature=0)
        assert [chunk async for chunk in using.generate("hi")]
        await using.close()
    assert asked.bodies == [
        {
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            "max_tokens": 256,
            "temperature": 0,
            "top_p": 0.5,
            "stop": ["\n\n"],
            "seed": 7,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


def test_what_is_not_set_is_not_sent() -> None:
    assert {"stop", "seed"}.isdisjoint(Generation().request("m", "hi"))
    assert Generation().request("m", "hi")["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_TOKENS", "0"),
        ("MAX_TOKENS", "4097"),
        ("TEMPERATURE", "2.1"),
        ("TOP_P", "0"),
        ("STOP", "User:"),
        ("STOP", '["a", "b", "c", "d", "e"]'),
        ("STOP", '[""]'),
        ("STOP", '"text"'),
        ("SEED", "-1"),
        ("SEED", "seven"),
        ("SYSTEM_PROMPT", "x" * 4_097),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"\b{name}\b"):
        Generation.from_env({name: value})


def test_settings_are_read_from_the_environment() -> None:
    found = Generation.from_env({"STOP": '["User:", "\\n"]', "SEED": "7", "TOP_P": "0.9"})
    assert (found.stop, found.seed, found.top_p) == (("User:", "\n"), 7, 0.9)

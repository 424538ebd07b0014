"""The worker's connections to a real redis-server that is slow, gone, or has forgotten its scripts."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from local.redis_server import RedisServer
from tinyllama.adapters.redis_async_link import RedisAsyncLink
from tinyllama.adapters.redis_scripts import GROUP, JOBS
from tinyllama.domain.errors import QueueUnavailableError

_SNAPSHOT = ("snapshot", [JOBS, "workers", "node:draining"])
_BLOCK = ("BLPOP", "nothing", "0.3")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as own:
        yield own


@pytest_asyncio.fixture
async def link(server: RedisServer) -> AsyncIterator[RedisAsyncLink]:
    made = RedisAsyncLink(server.host, server.port, timeout_s=0.5)
    yield made
    await made.close()


async def test_many_calls_at_once_each_get_their_own_answer(link: RedisAsyncLink) -> None:
    words = [str(number) * 5_000 for number in range(200)]
    assert await asyncio.gather(*(link.ask("ECHO", word) for word in words)) == words


async def test_a_call_that_blocks_holds_up_nobody(link: RedisAsyncLink) -> None:
    blocked = [asyncio.create_task(link.wait_and_run(_BLOCK, 0.3, *_SNAPSHOT, ())) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert await asyncio.wait_for(link.ask("PING"), 0.2) == "PONG"
    assert not any(task.done() for task in blocked)
    assert await asyncio.wait_for(asyncio.gather(*blocked), 1) == [[0, 0]] * 3


async def test_a_server_that_forgot_its_scripts_is_told_them_again(link: RedisAsyncLink) -> None:
    assert await link.run(*_SNAPSHOT) == [0, 0]
    await link.ask("SCRIPT", "FLUSH")
    assert await link.run(*_SNAPSHOT) == [0, 0]
    await link.ask("SCRIPT", "FLUSH")
    assert await link.wait_and_run(("PING",), 0, *_SNAPSHOT, ()) == [0, 0]


async def test_what_the_server_refuses_is_an_error_that_says_why_and_the_next_call_works(link: RedisAsyncLink) -> None:
    with pytest.raises(QueueUnavailableError, match="unknown command"):
        await link.ask("NONSENSE")
    words = ("XREADGROUP", "GROUP", GROUP, "me", "STREAMS", JOBS, ">")
    with pytest.raises(QueueUnavailableError, match="NOGROUP"):
        await link.wait_and_run(words, 0, *_SNAPSHOT, ())
    assert await link.ask("PING") == "PONG"


async def test_a_server_that_does_not_answer_is_given_up_in_time_for_all_who_wait(
    server: RedisServer, link: RedisAsyncLink
) -> None:
    assert await link.ask("PING") == "PONG"
    server.pause()
    started = asyncio.get_running_loop().time()
    answers = await asyncio.gather(link.ask("PING"), link.run(*_SNAPSHOT), return_exceptions=True)
    assert [type(answer) for answer in answers] == [QueueUnavailableError] * 2
    assert asyncio.get_running_loop().time() - started < 1.5
    server.resume()
    assert await link.ask("PING") == "PONG", "on another connection"


async def test_a_server_that_is_gone_is_an_error_at_once_and_one_that_is_back_is_found(
    server: RedisServer, link: RedisAsyncLink
) -> None:
    assert await link.ask("PING") == "PONG"
    server.kill()
    for _ in range(2):
        with pytest.raises(QueueUnavailableError):
            await asyncio.wait_for(link.ask("PING"), 0.4)
    server.start()
    assert await link.ask("PING") == "PONG"


async def test_who_gives_up_waiting_leaves_the_answers_of_the_others_in_order(link: RedisAsyncLink) -> None:
    word = str(uuid.uuid4())
    gone, stays = (asyncio.create_task(link.ask("ECHO", text)) for text in ("gone", word))
    blocked = asyncio.create_task(link.wait_and_run(_BLOCK, 0.3, *_SNAPSHOT, ()))
    await asyncio.sleep(0)
    gone.cancel()
    blocked.cancel()
    assert await stays == word
    assert await link.wait_and_run(("PING",), 0, *_SNAPSHOT, ()) == [0, 0]

"""An engine inside the worker's process that does at once what the prompt says.

`write S` answers after S seconds, `break S` breaks off every other time, `refuse S` always answers 500, and `kill`
takes the worker down with it. Each text is another one, so that a second reply to a job cannot pass for the first.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import threading

_texts = itertools.count(1)


def text_of(prompt: str) -> str:
    """What every text for this prompt begins with."""
    return f"reply to <{prompt}>"


def start() -> str:
    """Serve on a thread of its own, in the network namespace of this process; returns the address."""
    ready, ports = threading.Event(), list[int]()

    async def serve() -> None:
        server = await asyncio.start_server(_connection, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True, name="engine").start()
    ready.wait()
    return f"http://127.0.0.1:{ports[0]}"


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while await _request(reader, writer):
            await writer.drain()
    writer.close()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; returns whether the connection goes on."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    if head.startswith("get"):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        return True
    body = await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
    prompt = json.loads(body)["messages"][0]["content"]
    conduct, *seconds = prompt.split()[2:] or ["write"]
    if conduct == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if conduct == "refuse":
        writer.write(b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nboom")
        return True
    number = next(_texts)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    writer.write(_chunk({"choices": [{"delta": {"content": text_of(prompt)}}]}))
    await asyncio.sleep(float(seconds[0]) if seconds else 0)
    if conduct == "break" and number % 2:
        return False
    end = {"choices": [{"delta": {"content": f" by {os.getpid()}, {number}"}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    writer.write(_chunk(end) + _chunk(usage) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    return True


def _chunk(event: object) -> bytes:
    data = f"data: {json.dumps(event)}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"

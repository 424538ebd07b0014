"""`python -m worker`: wires the worker and hands it the signals."""

import asyncio
import contextlib
import signal
import sys

from tinyllama.adapters import redis_dispatch, s3_replies
from tinyllama.domain.errors import SettingsError
from tinyllama.domain.limits import DispatchLimits
from worker import activity
from worker.attempt import Workbench
from worker.engine import Generation, OpenAiEngine
from worker.lease import keep_lease
from worker.log import log
from worker.loop import Pace, Worker
from worker.settings import WorkerSettings


async def serve(env: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT."""
    client = redis_dispatch.connect(env.redis_host, env.redis_port)
    limits = DispatchLimits(lease_s=env.lease_s)
    generation = Generation(env.max_tokens, env.temperature)
    bench = Workbench(
        dispatch=redis_dispatch.RedisDispatch(client, env.worker_name, limits),
        engine=OpenAiEngine(
            env.engine_url, env.engine_model, generation, timeout_s=env.engine_timeout_s, slots=env.worker_slots
        ),
        replies=s3_replies.S3Replies(s3_replies.connect(connections=env.worker_slots), env.reply_bucket),
        touch=lambda sign: activity.record(env.activity_file, sign),
        seconds_per_minute=env.seconds_per_minute,
    )
    pace = Pace(reclaim=env.lease_s / 2, drain_grace=env.drain_grace_s)
    worker = Worker(env.worker_name, env.worker_slots, bench, pace)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.drain)
    log("started", name=env.worker_name, slots=env.worker_slots, engine=env.engine_url)
    keeping = asyncio.create_task(keep_lease(env, bench.progress))
    try:
        await worker.run()
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        await bench.engine.close()
        await bench.dispatch.close()
    log("ended")


def main() -> int:
    """Exit code 0 after a drain, 2 for a bad environment."""
    try:
        env = WorkerSettings.from_env()
    except SettingsError as error:
        sys.stderr.write(f"worker: {error}\n")
        return 2
    asyncio.run(serve(env))
    return 0


if __name__ == "__main__":
    sys.exit(main())

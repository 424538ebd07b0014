"""Wires the worker and hands it the signals."""

import asyncio
import gc
import signal
import sys
from dataclasses import replace

import uvloop

from tinyllama.adapters import queues, s3_replies
from tinyllama.domain.errors import SettingsError
from tinyllama.domain.limits import DispatchLimits
from worker import activity
from worker.attempt import Workbench
from worker.engine import OpenAiEngine
from worker.lease import keep_lease
from worker.log import log
from worker.loop import Pace, Worker
from worker.settings import WorkerSettings
from worker.spot import SpotWatch


async def serve(env: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT."""
    limits = DispatchLimits(lease_s=env.lease_s)
    bench = Workbench(
        dispatch=queues.dispatch(env, env.worker_name, limits),
        engine=OpenAiEngine(env.engine_url, env.engine_model, env, timeout_s=env.engine_timeout_s),
        replies=s3_replies.S3Replies(s3_replies.connect(connections=env.worker_slots), env.reply_bucket),
        touch=activity.Recorder(env.activity_file),
        seconds_per_minute=env.seconds_per_minute,
        attempt_max_s=env.attempt_max_s,
    )
    worker = Worker(env.worker_name, env.worker_slots, bench, _pace(env))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.drain)
    log("started", name=env.worker_name, slots=env.worker_slots, engine=env.engine_url)
    spot = SpotWatch(env.spot_poll_s, worker.drain)
    await spot.look()
    beside = [asyncio.create_task(keep_lease(env, bench.progress)), asyncio.create_task(spot.watch())]
    gc.collect()
    gc.freeze()  # what is there now stays: the collector need not look through it between the jobs
    try:
        await worker.run()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await bench.engine.close()
        await bench.dispatch.close()
    log("ended")


def _pace(env: WorkerSettings) -> Pace:
    pace = Pace(reclaim=env.lease_s / 2, drain_grace=env.drain_grace_s)
    if env.tl_queue == "sqs":
        return replace(pace, claim_wait=queues.SQS_CLAIM_WAIT_S)
    return pace


def main() -> int:
    """Exit code 0 after a drain, 2 for a bad environment."""
    try:
        env = WorkerSettings.from_env()
    except SettingsError as error:
        sys.stderr.write(f"worker: {error}\n")
        return 2
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(env))
    return 0

"""What each route does, given who asks."""

import os
import re
import time
from collections.abc import Mapping

from lambdas.http import Response
from lambdas.router.call import Call, Route, polling, rate_limited, spend_token
from tinyllama.domain.errors import ApiError, ErrorCode, NodeError
from tinyllama.domain.jobs import Job, JobStatus, reply_url, uuid4_text
from tinyllama.domain.metrics import Metric
from tinyllama.domain.node import NodeState, WakeAction
from tinyllama.domain.requests import InferRequest, parse_infer, parse_wait
from tinyllama.domain.throttle import Allowance
from tinyllama.ports import AdmitCode, CancelCode

_JOB_PATH = re.compile(r"/jobs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def infer(call: Call) -> Response:
    """Admit a prompt, and wake the node if nobody is there to take it."""
    job = _job(call, _parsed(call))
    admission = call.out.queue.admit(job)
    if admission.code is AdmitCode.RATE_LIMITED:
        raise rate_limited(call.trace)
    if admission.code is AdmitCode.QUEUE_FULL:
        raise ApiError(ErrorCode.QUEUE_FULL)
    eta = None if admission.worker_ready else _woken(call, job.id)
    call.trace.metrics.count(Metric.ENQUEUES)
    if eta is None:
        return Response(202, {"status": "queued", "id": job.id})
    return Response(202, {"status": "starting", "eta": eta, "id": job.id}, {"x-gpu-coldboot": "true"})


def _woken(call: Call, job_id: str) -> int:
    """Wake the node for a job, or forget the job; returns the seconds it will probably take."""
    try:
        return call.out.waker.wake(call.trace.metrics, fresh=True)
    except ApiError:
        call.out.queue.withdraw(job_id)
        raise


def _parsed(call: Call) -> InferRequest:
    try:
        return parse_infer(call.request.body())
    except ApiError:
        spend_token(call, Allowance.PROMPTS)  # a caller in a broken loop is throttled like any other
        raise


def _job(call: Call, asked: InferRequest) -> Job:
    call.trace.job_id = new_id = uuid4_text(int.from_bytes(os.urandom(16)))
    return Job(
        id=new_id,
        prompt=asked.prompt,
        idle=asked.idle,
        reply_s3=reply_url(call.out.reply_bucket, new_id),
        ts=time.time_ns() // 1_000_000,
        sub=call.user.sub,
    )


def _job_id(call: Call) -> str | None:
    """The id in the path; None when it cannot be one."""
    match = _JOB_PATH.fullmatch(call.request.path)
    call.trace.job_id = match[1] if match else None
    return call.trace.job_id


def get_job(call: Call) -> Response:
    """Show a job to its owner, one that runs at its end if asked to; a queued job whose node sleeps wakes it."""
    job_id = _job_id(call)
    if job_id is None:
        return _no_job(call)
    call.trace.allowance = Allowance.POLLS
    look = call.out.queue.look(job_id, call.user.sub, Allowance.POLLS, wait_s=_wait_s(call))
    if not look.allowed:
        raise rate_limited(call.trace)
    if look.view is None:
        raise ApiError(ErrorCode.NOT_FOUND)
    if look.view.status is JobStatus.QUEUED and not look.worker_ready:
        _wake_again(call)
    return Response(200, look.view.body)


def _wait_s(call: Call) -> float:
    try:
        return parse_wait(call.request.query("wait"))
    except ApiError:
        spend_token(call, Allowance.POLLS)
        raise


@polling
def _no_job(_call: Call) -> Response:
    raise ApiError(ErrorCode.NOT_FOUND)


def _wake_again(call: Call) -> None:
    """Wake the node for a job that arrived while it was stopping, when EC2 would not start it."""
    try:
        call.out.waker.wake(call.trace.metrics)
    except ApiError as error:
        # What was asked for is the job, and it is queued: the next poll tries again, and the log has the reason.
        call.trace.wake_failed = str(error.details.get("detail", error))


@polling
def delete_job(call: Call) -> Response:
    """Cancel a job of the caller's."""
    job_id = _job_id(call)
    code = call.out.queue.cancel(job_id, call.user.sub) if job_id else CancelCode.NOT_FOUND
    if code is CancelCode.NOT_FOUND:
        raise ApiError(ErrorCode.NOT_FOUND)
    if code is CancelCode.ALREADY_FINISHED:
        raise ApiError(ErrorCode.ALREADY_FINISHED)
    return Response(202, {"status": "cancelled"})


@polling
def health(call: Call) -> Response:
    """Say whether a prompt would be served now."""
    snapshot = call.out.queue.snapshot()
    if snapshot.worker_ready:
        return Response(200, {"status": "ready"})
    waker = call.out.waker
    if snapshot.depth:
        return _health_of_queued(call)
    decision = waker.look()
    node = decision.node
    if decision.action is WakeAction.WAIT and node is not None and node.state is not NodeState.STOPPING:
        return Response(503, {"status": "starting", "eta": waker.eta_s(decision)})
    return Response(503, {"status": "stopped"})


def _health_of_queued(call: Call) -> Response:
    """Jobs are queued: the node is woken, unless the budget forbids it. Then it sleeps, and that is the answer."""
    try:
        return Response(503, {"status": "starting", "eta": call.out.waker.wake(call.trace.metrics)})
    except ApiError as error:
        if error.code is not ErrorCode.BUDGET_EXHAUSTED:
            raise
        return Response(503, {"status": "stopped"})


@polling
def stop(call: Call) -> Response:
    """Put the node to sleep, unless it works for somebody else; the caller's own jobs are cancelled."""
    sub, gate, closed = call.user.sub, call.out.gate, False
    try:
        control = call.out.nodes()
        nodes = control.nodes()
        # EC2 stops no node that is still booting: it is said before anybody's job is cancelled for nothing.
        booting = any(node.state is NodeState.PENDING for node in nodes)
        closed = not booting and gate.close(sub)
        if not closed:
            raise _not_stopped(booting=booting and not gate.busy(sub))
        for node in nodes:
            if node.state is NodeState.RUNNING:
                control.stop(node.id)
    except NodeError as error:
        if closed:
            gate.open()
        raise ApiError(ErrorCode.STOP_FAILED, detail=str(error)) from error
    return Response(202, {"status": "stopping"})


def _not_stopped(*, booting: bool) -> ApiError:
    if booting:
        return ApiError(ErrorCode.STOP_FAILED, detail="node_booting: try again when it runs")
    return ApiError(ErrorCode.BUSY)


ROUTES: Mapping[str, Mapping[str, Route]] = {
    "/infer": {"POST": infer},
    "/jobs/{id}": {"GET": get_job, "DELETE": delete_job},
    "/health": {"GET": health},
    "/stop": {"POST": stop},
}


def pattern_of(path: str) -> str:
    """The pattern in `ROUTES` that a path matches; any other path is `$default`, since a log may show the pattern."""
    if path.startswith("/jobs/"):
        return "/jobs/{id}"
    return path if path in ROUTES else "$default"

"""`tl ask`: one prompt, from the cold boot's spinner to the last word."""

import sys
import time

from rich.markup import escape
from rich.status import Status

from local.client import Accepted, Client, NotRunningError, Progress, RefusedError
from local.terminal import Exit, err, fail

_ADVICE = {
    "rate_limited": "wait {retry_after_s} s and ask again; 5 prompts at once and 20 a minute are allowed",
    "invalid_request": "a prompt has 1 to 6,144 bytes, --idle is 1 to 30 minutes",
    "queue_full": "wait until the jobs that are queued are done: tl status",
    "queue_unavailable": "look at `tl status` and `tl logs`",
    "budget_exhausted": "the month's money is spent: wait until {resets}, or see docs/ops/budget_recovery.md",
    "start_failed": "EC2 would not start the node; look at `tl logs gateway`, then ask again",
}


def ask(client: Client, prompt: str, *, idle: int) -> None:
    """Send the prompt and print the text as it is generated; Ctrl-C cancels the job."""
    try:
        job = client.infer(prompt, idle=idle)
        try:
            last = _print_growing(client, job)
        except KeyboardInterrupt:
            client.cancel(job.id)
            err.print("cancelled")
            raise SystemExit(Exit.INTERRUPTED) from None
    except RefusedError as error:
        refuse(error)
    except NotRunningError as error:
        fail(escape(str(error)), "`tl status` says what happened, `tl up` starts it", code=Exit.NOT_RUNNING)
    if last.status != "done":
        fail(f"the job is {last.status}: {last.error or 'no reason given'}", f"`tl logs worker` knows job {job.id}")


def refuse(error: RefusedError) -> None:
    """Say what the API refused, and what to do about it."""
    known = {"retry_after_s": error.retry_after_s, "resets": error.body.get("resets", "the month ends")}
    told = _ADVICE.get(error.code, "").format(**known)
    details = {name: value for name, value in error.body.items() if name != "error"}
    code = Exit.RATE_LIMITED if error.status == 429 else Exit.FAILED
    fail(escape(f"{error.code} ({error.status}){f' {details}' if details else ''}"), told, code=code)


def _print_growing(client: Client, job: Accepted) -> Progress:
    shown, started = "", time.monotonic()
    try:
        with Status("", console=err) as status:
            for progress in client.follow(job.id):
                if not progress.text and not progress.final:
                    status.update(_waiting(job, progress, time.monotonic() - started))
                    continue
                status.stop()
                if not progress.text.startswith(shown):  # its worker died, and the next one began anew
                    err.print("\nthe node was lost; this is the second attempt:", style="dim")
                    shown = ""
                sys.stdout.write(progress.text[len(shown) :])
                sys.stdout.flush()
                shown = progress.text
    finally:  # what is said next, if only why there is no more, has a line of its own
        if shown:
            sys.stdout.write("\n")
            sys.stdout.flush()
    err.print(f"{progress.status} after {time.monotonic() - started:.1f} s", style="dim")
    return progress


def _waiting(job: Accepted, progress: Progress, waited_s: float) -> str:
    if progress.status == "running":
        return f"the model reads your prompt · {waited_s:.0f} s"
    if job.cold and job.eta_s is not None:
        return f"the node was asleep and boots, about {job.eta_s} s · {waited_s:.0f} s"
    return f"queued · {waited_s:.0f} s"

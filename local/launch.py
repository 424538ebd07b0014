"""`tl up` and `tl down`: leaves a supervisor running, and tells how it is doing until it serves."""

import socket
import subprocess
import sys
import time

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from tenacity import Retrying, retry_if_result, wait_fixed

from local.platform import ALREADY_RUNNING
from local.processes import spawn
from local.redis_server import HOST
from local.state import Home, NodeKind, Options, Phase, State
from local.terminal import Exit, err, fail


def up(
    home: Home,
    options: Options,
    *,
    foreground: bool,
    node: NodeKind = NodeKind.PROCESS,
    console: Console = err,
) -> None:
    """Start the platform unless it runs; returns when it serves, or in the foreground when it ended."""
    state = home.read()
    if state and state.alive and state.phase in {Phase.STARTING, Phase.READY}:
        state = _follow(home, None, console) if state.phase is Phase.STARTING else state
        console.print(f"already running at {state.api_url} (`tl status`, `tl down`)")
        return
    if home.end_leftovers():
        console.print("ended what an earlier platform had left behind", style="dim")
    _require_port(options.port)
    if node is NodeKind.CONTAINER:
        options = options.model_copy(update={"node_image": _image(options, console)})
    started = time.perf_counter()
    command = [sys.executable, "-m", "local.part", "platform", str(home.path), options.model_dump_json()]
    supervisor = spawn(command, log=home.log("supervisor"), leashed=foreground)
    try:
        state = _follow(home, supervisor, console)
        console.print(f"[bold green]ready[/] at [bold]{state.api_url}[/] after {time.perf_counter() - started:.1f} s")
        if foreground:
            _stay(home, supervisor)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        console.print("ended")
        raise SystemExit(Exit.INTERRUPTED) from None


def _image(options: Options, console: Console) -> str:
    """The image of a container node; made now if there is none."""
    from local.node_image import ImageError, ensure  # noqa: PLC0415 -- most platforms have no need of it

    started = time.perf_counter()
    with Status("the node's image", console=console) as status:

        def tell(what: str) -> None:
            status.update(f"the node's image, {time.perf_counter() - started:.0f} s: {escape(what)}")

        try:
            image = ensure(tell, slots=options.slots, threads=options.threads, region=options.region)
        except ImageError as error:
            fail(f"a node in a container cannot be had here: {escape(str(error))}", "or do without: tl up")
    took_s = time.perf_counter() - started
    console.print(f"  [green]✓[/] {'image':<8} {took_s:4.1f} s  [dim]{image}[/]")
    return image


def _require_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            reason = error.strerror or str(error)
            fail(f"port {port} cannot be used: {reason}", "choose another: tl up --port 8788 (0 takes a free one)")


def _follow(home: Home, supervisor: subprocess.Popen[bytes] | None, console: Console) -> State:
    """Show what becomes ready until everything is."""
    shown: set[str] = set()

    def look() -> State | None:
        state = home.read()
        if supervisor and state and state.supervisor.pid != supervisor.pid:
            state = None  # an earlier platform's
        for part in state.parts if state else ():
            if part.took_s is not None and part.name not in shown:
                shown.add(part.name)
                console.print(f"  [green]✓[/] {part.name:<8} {part.took_s:4.1f} s  [dim]{part.address}[/]")
        ended = supervisor.poll() is not None if supervisor else state is None or not state.alive
        if ended or (state and state.phase in {Phase.READY, Phase.FAILED}):
            return state or _vanished(home, supervisor)
        return None

    with Status("starting the platform", console=console):
        state = Retrying(wait=wait_fixed(0.03), retry=retry_if_result(lambda found: found is None))(look)
    if state is None or state.phase is not Phase.READY:
        reason = state.reason if state else ""
        fail(f"the platform did not start: {reason or 'the supervisor died'}", "see `tl logs supervisor` and `tl logs`")
    return state


def _vanished(home: Home, supervisor: subprocess.Popen[bytes] | None) -> State:
    if supervisor and supervisor.returncode == ALREADY_RUNNING:
        fail("another `tl up` is at work in the same folder", "wait for it, or choose another folder by TL_HOME")
    log = home.log("supervisor")
    fail("the platform did not start", log.read_text()[-2000:] if log.exists() else "")


def _stay(home: Home, supervisor: subprocess.Popen[bytes]) -> None:
    err.print("Ctrl-C ends it", style="dim")
    supervisor.wait()
    state = home.read()
    if state and state.phase is Phase.FAILED:
        fail(state.reason, "`tl logs` shows why", code=Exit.NOT_RUNNING)


def down(home: Home, console: Console = err) -> None:
    """End the platform and whatever is left of an earlier one; fine when there is none."""
    console.print("stopped" if home.clear() else "nothing was running")

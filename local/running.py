"""Whether the platform runs, and what to say and do where it does not."""

from local.state import Home, Phase, State
from local.terminal import Exit, fail


def running(home: Home) -> State:
    """The state of a platform that can be asked; where there is none, `tl` ends with the reason."""
    state = home.read()
    if state is None or not state.serving:
        fail(*why_not(state), code=Exit.NOT_RUNNING)
    return state


def why_not(state: State | None) -> tuple[str, str]:
    """Why it cannot be asked, and what to do about it."""
    if state is None:
        return "the platform is not running", "start it: tl up"
    if state.phase is Phase.FAILED:
        return f"the platform is down: {state.reason}", "look at `tl logs`, then start it afresh: tl up"
    if state.alive:
        return f"the platform is {state.phase.value}", "wait a moment"
    return "the supervisor died without a word (kill -9, or a reboot)", "start afresh: tl up"

"""`python -m tests.hosts [ROLE]`: applies every role to a real systemd host, three times, and looks at what it does.

Without a role, the main job on a real node comes last (`test_story.py`); `story` in place of a role is that alone.

Exit codes: 0 all went well, or podman cannot be had here (said, with the reason); 1 something did not.
"""

import argparse
import subprocess
import sys

from tests.environments import UnavailableError, install
from tests.hosts.images import ImageError, images
from tests.hosts.scenarios import MOLECULE, Result, Scenario, run, scenarios

_SLOWEST = 5


def _say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _by_role(result: Result) -> None:
    """The seconds of each role, where several were applied, and of the tasks that took longest the first time."""
    runs = result.runs()
    for role in result.roles():
        figures = " ".join(f"{sum(task.seconds for task in one if task.role == role):6.1f}" for one in runs)
        _say(f"{'':6}{role:43}   {figures}")
    if result.roles() and len(runs) > 1:
        for task in sorted(runs[1], key=lambda one: -one.seconds)[:_SLOWEST]:
            _say(f"{'':8}{task.task[:48]:48}   {task.seconds:6.1f}")


def _report(result: Result) -> bool:
    faults = result.faults()
    runs = [sum(task.seconds for task in one) for one in result.runs()]
    figures = " ".join(f"{seconds:6.1f}" for seconds in runs)
    _say(f"{result.scenario.label:32} {'FAILED' if faults else 'passed':7} {result.seconds:6.1f}   {figures}")
    _by_role(result)
    for fault in faults:
        _say(f"    {fault}")
    if result.code:
        _say("\n".join(result.log.read_text(errors="replace").splitlines()[-40:]))
    return not faults


def _apply(wanted: list[Scenario], image: str, *, keep: bool) -> int:
    """One scenario after another; how many failed."""
    _say(f"on {image}")
    _say(f"{'scenario':32} {'':7} {'s':>6}   {'check':>6} {'first':>6} {'second':>6}")
    failed = sum(not _report(run(one, image, keep=keep)) for one in wanted)
    _say(f"{len(wanted) - failed} passed, {failed} failed")
    return failed


def _story() -> int:
    """The whole platform with a real node; pytest's exit code."""
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "hosts", "tests/hosts"], check=False).returncode


def main(argv: list[str] | None = None) -> int:
    """Run the scenarios one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    parser.add_argument("role", nargs="?", default="", help="only this role")
    parser.add_argument("--scenario", default="", help="only this scenario of it")
    parser.add_argument("--everywhere", action="store_true", help="on each distribution that can be had here")
    parser.add_argument("--keep", action="store_true", help="leave the host running")
    arguments = parser.parse_args(argv)
    story = arguments.role in {"", "story"} and not arguments.scenario
    wanted = [one for one in scenarios(arguments.role) if arguments.scenario in {"", one.name}]
    if not wanted and not story:
        known = ", ".join(sorted({one.role for one in scenarios()}))
        _say(f"test-hosts: no such role or scenario: {arguments.role} {arguments.scenario}; there are {known}, story")
        return 1
    try:
        found = list(images(_say, everywhere=arguments.everywhere))
        if found and wanted:
            install(MOLECULE)
    except ImageError as error:
        _say(f"test-hosts: {error}")
        return 1
    except UnavailableError as error:
        _say(f"test-hosts: molecule (requirements/hosts.lock) cannot be installed: {error}")
        return 1
    failed = sum(_apply(wanted, image, keep=arguments.keep) for image in found if wanted)
    return 1 if failed or (found and story and _story()) else 0


if __name__ == "__main__":
    sys.exit(main())

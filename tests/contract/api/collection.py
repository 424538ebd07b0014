"""`python -m tests.contract.api.collection`: runs the Postman collection against a platform of its own.

The platform has a folder and a free port of its own, an EC2 that never finishes booting (so that no model is
loaded), and is gone afterwards, whatever happens.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from local.addresses import account_of, exports
from local.client import Client
from local.processes import ROOT, environment
from local.redis_server import HOST
from local.state import Home, State
from tests.contract.api.signer import Signer
from tinyllama.adapters.redis_dispatch import RedisDispatch, connect
from tinyllama.ports import Heartbeat

COLLECTION = ROOT / "tests" / "postman" / "api_hardening.postman_collection.json"
NEWMAN = ROOT / "node_modules" / ".bin" / "newman"


@contextmanager
def platform() -> Iterator[Home]:
    """`tl up` in a temporary folder; `tl down` at the end."""
    with tempfile.TemporaryDirectory(prefix="tinyllama-contract-") as folder, ExitStack() as stack:
        home = Home(Path(folder))
        stack.callback(home.clear)
        tl = [sys.executable, "-m", "local", "up", "--port", "0", "--boot-s", "600"]
        subprocess.run(tl, env=environment({"TL_HOME": folder}), cwd=ROOT, check=True)
        yield home


def state_of(home: Home) -> State:
    """The state of a platform that serves."""
    state = home.read()
    if state is None or not state.serving:
        raise RuntimeError("the platform does not serve")
    return state


def variables(state: State) -> Mapping[str, str]:
    """What the collection needs to know of a platform."""
    account = account_of(state)
    with Client.of_state(state) as client:
        known = exports(state, client.sign_in())
    return {**known, **Signer(account.issuer, account.client_id).odd_tokens()}


def announce_worker(state: State) -> None:
    """Let a worker seem to be there for the next 15 s."""
    asyncio.run(_announce(state.redis_port))


async def _announce(port: int) -> None:
    dispatch = RedisDispatch(connect(HOST, port), "pretended")
    try:
        await dispatch.announce(Heartbeat("pretended", "none", slots=1, busy=0, ready=True))
    finally:
        await dispatch.close()


def newman(folder: str, known: Mapping[str, str]) -> int:
    """Run one folder of the collection; returns newman's exit code."""
    told = {
        "BASE_URL": known["TL_API_URL"],
        "ISSUER_URL": known["COGNITO_ISSUER"],
        "CLIENT_ID": known["COGNITO_CLIENT_ID"],
        "TOKEN": known["TL_TOKEN"],
        **{name: text for name, text in known.items() if name.endswith("_TOKEN") and name != "TL_TOKEN"},
    }
    words = [word for name, text in told.items() for word in ("--env-var", f"{name}={text}")]
    command = [str(NEWMAN), "run", str(COLLECTION), "--folder", folder, "--reporter-cli-no-success-assertions", *words]
    return subprocess.run(command, check=False, cwd=ROOT).returncode


def main() -> int:
    """Exit code 0 when every assertion held."""
    if shutil.which("node") is None or not NEWMAN.exists():
        sys.stderr.write("contract: newman is not installed (`npm ci`)\n")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with platform() as home:
        state = state_of(home)
        known = variables(state)
        asleep = newman("asleep", known)
        announce_worker(state)
        return asleep or newman("awake", known)


if __name__ == "__main__":
    sys.exit(main())

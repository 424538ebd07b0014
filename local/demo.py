"""`tl demo`: the whole story in one command, on a platform of its own that is gone afterwards."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.status import Status

from local import runbook
from local.addresses import CREDENTIALS, account_of, exports
from local.client import Accepted, Client, NotRunningError, Progress, RefusedError
from local.launch import down, up
from local.state import Home, NodeKind, Options, Queue, State
from local.story import Answer, LookError, Sight, Story, Watch
from local.summary import summary
from tinyllama.domain.replies import Reply

OPTIONS = Options(port=0, boot_s=4, stop_s=1, watch_every_s=2, seconds_per_minute=6, idle_s=15)
"""Time-lapse: a boot of 4 s instead of 90, a minute of 6 s, a watchdog that looks every 2 s instead of every 60."""
COLD_PROMPT = "What is a llama? Answer in two sentences."
WARM_PROMPT = "Why should a computer sleep when nobody needs it? Answer in two sentences."
SMALL, GPU = "t3.small", "g4dn.xlarge"
_ASLEEP_S = 120.0
_BY_CRON = {"seconds_per_minute": 20.0, "idle_s": 30.0}
"""Cron looks once a minute: what it must not put to sleep in the middle of the story stays awake for longer."""

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

T = TypeVar("T")


class DemoError(Exception):
    """A stage did not go as told; the message says which one, and why."""


def demo(console: Console, queue: Queue = Queue.REDIS, node: NodeKind = NodeKind.PROCESS) -> None:
    """Tell the story, and leave nothing running, whatever happens.

    Raises:
        DemoError: a stage failed; the last lines of the logs are in the message.
    """
    with tempfile.TemporaryDirectory(prefix="tinyllama-demo-") as folder:
        home = Home(Path(folder))
        try:
            options = OPTIONS.model_copy(update={"queue": queue} | (_BY_CRON if node is NodeKind.CONTAINER else {}))
            Demo(console, home, options, node).run()
        except (RefusedError, NotRunningError, runbook.RunbookError) as error:
            raise DemoError(f"{error}\n{_last_words(home)}") from error


def _last_words(home: Home) -> str:
    logs = sorted(home.log_dir.glob("*.log"))
    return "\n".join(f"--- {log.stem}\n{log.read_text(errors='replace')[-600:]}" for log in logs)


class Demo:
    """One telling of the story."""

    def __init__(self, console: Console, home: Home, options: Options, node: NodeKind) -> None:
        self._console, self._home, self._options, self._node = console, home, options, node
        self._story = Story()

    def run(self) -> None:
        """Run all stages and print the summary."""
        with ExitStack() as stack:
            stack.callback(self._home.clear)
            state = self._stage("Start the platform on this machine", self._start)
            with Client.of_state(state) as client:
                self._stage("Sign a user in", lambda: self._sign_in(state, client))
                ec2 = _session(state).client("ec2", endpoint_url=state.aws_url)
                look = partial(_look, ec2, account_of(state).instance_id, client)
                with Watch(self._story, look, self._saw) as watch:
                    self._use(state, client, watch)
            self._stage("End everything", lambda: down(self._home, self._console))
        self._console.print(summary(self._story, self._options))

    def _use(self, state: State, client: Client, watch: Watch) -> None:
        watch.until("stopped", timeout_s=5)
        self._stage("Ask a node that is asleep", lambda: self._ask(state, client, "cold", COLD_PROMPT))
        self._stage("Ask again, now that it is awake", lambda: self._ask(state, client, "warm", WARM_PROMPT))
        for target in (GPU, SMALL):
            self._stage(f"Resize the node to {target}", partial(self._resize, state, client, target))
        self._stage("Let the idle watchdog put it to sleep", lambda: self._fall_asleep(watch))

    def _stage(self, name: str, act: Callable[[], T]) -> T:
        self._console.print(f"\n[bold cyan]▶ {name}[/]")
        with self._story.stage(name):
            return act()

    def _say(self, text: str) -> None:
        self._console.print(f"  [dim]{self._story.seconds:5.1f} s[/]  {text}")

    def _saw(self, sight: Sight) -> None:
        self._say(f"node is [bold]{sight.state}[/] [dim]({sight.instance_type})[/]")

    def _start(self) -> State:
        up(self._home, self._options, foreground=False, node=self._node, console=self._console)
        state = self._home.read()
        if state is None:
            raise DemoError("the platform vanished as soon as it was ready")
        return state

    def _sign_in(self, state: State, client: Client) -> None:
        token = client.sign_in()
        self._say(f"{account_of(state).username} has an ID token of {len(token)} bytes, signed with RS256")

    def _ask(self, state: State, client: Client, name: str, prompt: str) -> None:
        began = self._story.seconds
        self._say(f"[italic]{prompt}[/]")
        job = client.infer(prompt, idle=1)
        eta = f", {job.eta_s} s to go by its own estimate" if job.eta_s else ""
        self._say(f"the API answered [bold]{job.status}[/]{eta}")
        text, first_text_s = self._follow(client, job, began)
        self._console.print(Panel(text, title="the model wrote", width=min(100, self._console.width)))
        reply = _reply(state, job.id)
        self._story.answers.append(Answer(name, job.eta_s, first_text_s, self._story.seconds - began, reply))

    def _follow(self, client: Client, job: Accepted, began: float) -> tuple[str, float]:
        first_text_s, last = 0.0, Progress("queued", "", None)
        # A recording shall hold the end of it only.
        with Live(console=self._console, transient=True, auto_refresh=not self._console.record) as live:
            for last in client.follow(job.id):
                first_text_s = first_text_s or (self._story.seconds - began if last.text else 0.0)
                live.update(last.text or f"  … {last.status}")
        if last.status != "done":
            raise DemoError(f"the job ended {last.status}: {last.error}\n{_last_words(self._home)}")
        return last.text, first_text_s

    def _resize(self, state: State, client: Client, target: str) -> None:
        environ = exports(state, client.sign_in())
        with Status("ansible-playbook playbooks/resize.yml", console=self._console) as status:
            audit = runbook.resize(target, environ, self._home.path / "audit.jsonl", status.update)
        before, after = audit["before"], audit["after"]
        self._say(
            f"[bold]{before['instance_type']}[/] ({before['eur_per_hour']} EUR/h) → "
            f"[bold]{after['instance_type']}[/] ({after['eur_per_hour']} EUR/h), {audit['outcome']}"
        )

    def _fall_asleep(self, watch: Watch) -> None:
        with Status("nobody asks", console=self._console):
            asleep = watch.until("stopped", timeout_s=_ASLEEP_S)
        if not asleep:
            raise DemoError(f"the watchdog did not stop the node within {_ASLEEP_S:.0f} s\n{_last_words(self._home)}")


def _session(state: State) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=account_of(state).region,
    )


def _look(ec2: "EC2Client", instance_id: str, client: Client) -> tuple[str, str]:
    try:
        found = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        name = found["State"]["Name"]
        ready = name == "running" and client.health().status == "ready"
    except (BotoCoreError, ClientError, NotRunningError, RefusedError) as error:
        raise LookError from error
    return "ready" if ready else name, found["InstanceType"]


def _reply(state: State, job_id: str) -> Reply:
    s3 = _session(state).client("s3", endpoint_url=state.aws_url)
    stored = s3.get_object(Bucket=account_of(state).reply_bucket, Key=f"{job_id}.json")
    return Reply.model_validate_json(stored["Body"].read())

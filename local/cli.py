"""`tl`: the whole platform on this machine, as a command."""

import json
import shlex
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from local.running import running, why_not
from local.state import LOGS, Home, NodeKind, Options, Queue
from local.terminal import Exit, fail, out

app = typer.Typer(
    name="tl",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="""The tinyllama platform on this machine: a strict AWS, a queue, the HTTP API, and a node with a real model.

    [bold]Examples[/]

      tl up                                   start everything, on loopback only

      tl ask "Why is the sky blue?"           wake the node, watch the text appear

      echo "Say hi" | tl ask - --idle 1       prompt from stdin; awake for 1 minute afterwards

      tl status                               what runs, and what the node is doing

      eval "$(tl env)"; aws ec2 describe-instances        point your tools at it

      tl logs worker -f                       follow a log

      tl cost --redis-hours 8                 what it would cost on AWS

      tl audit -n 5                           the last runbooks: who, what, how it ended

      tl demo                                 the whole story, on a platform of its own

      tl down                                 leave nothing running

    [bold]Exit codes[/]: 0 done · 1 failed or refused · 2 wrong usage · 3 not running · 4 rate limited · 130 interrupted

    State and logs are in TL_HOME, by default the user's folder for state.
    """,
)

QueueOption = Annotated[Queue, typer.Option(help="What the jobs wait in: Redis, or SQS and DynamoDB.")]
NodeOption = Annotated[
    NodeKind,
    typer.Option(help="Processes, or systemd in a container, set up by the roles: that needs root and podman."),
]


@app.command()
def up(
    *,
    port: Annotated[
        int, typer.Option(help="Port of the API on 127.0.0.1; 0 takes a free one.", min=0, max=65535)
    ] = 8787,
    boot_s: Annotated[float, typer.Option(help="Seconds that EC2 takes to boot an instance.", min=0, max=600)] = 5,
    stop_s: Annotated[float, typer.Option(help="Seconds that EC2 takes to stop one.", min=0, max=600)] = 2,
    watch_every: Annotated[
        float, typer.Option(help="Seconds between two looks of the idle watchdog; cron's are a minute.", min=0.1)
    ] = 60,
    seconds_per_minute: Annotated[
        float, typer.Option(help="Seconds that a minute of `ask --idle` lasts: less for time-lapse.", min=0.1)
    ] = 60,
    idle_s: Annotated[float, typer.Option(help="Seconds awake after a boot without any job.", min=1)] = 300,
    slots: Annotated[int, typer.Option(help="Prompts that the model works on at once.", min=1, max=64)] = 4,
    queue: QueueOption = Queue.REDIS,
    node: NodeOption = NodeKind.PROCESS,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and end with Ctrl-C.")] = False,
) -> None:
    """Start the platform; fine when it runs already.

    Example: tl up --port 9000 --boot-s 1 --watch-every 5 --seconds-per-minute 5
    """
    from local.launch import up as launch  # noqa: PLC0415 -- each command imports only what it needs

    options = Options(
        port=port,
        boot_s=boot_s,
        stop_s=stop_s,
        watch_every_s=watch_every,
        seconds_per_minute=seconds_per_minute,
        idle_s=idle_s,
        slots=slots,
        queue=queue,
    )
    launch(Home(), options, foreground=foreground, node=node)


@app.command()
def ask(
    prompt: Annotated[str, typer.Argument(help="The prompt, up to 6,144 bytes; - reads it from stdin.")],
    idle: Annotated[int, typer.Option(help="Minutes that the node stays awake afterwards, 1 to 30.")] = 5,
) -> None:
    """Send a prompt and print the answer as it is generated. Ctrl-C cancels the job.

    The text goes to stdout, everything else to stderr: tl ask "A haiku" > haiku.txt
    """
    from local.asking import ask as send  # noqa: PLC0415
    from local.client import Client  # noqa: PLC0415

    state = running(Home())
    with Client.of_state(state) as client:
        send(client, sys.stdin.read().rstrip("\n") if prompt == "-" else prompt, idle=idle)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show what runs, and what the node is doing; exit code 3 when the platform does not run."""
    from local import report  # noqa: PLC0415

    home = Home()
    if as_json and not ((state := home.read()) and state.serving):
        out.print_json(data={"status": "failed" if state else "stopped", "reason": why_not(state)[0]})
        raise typer.Exit(Exit.NOT_RUNNING)
    state = running(home)
    node = report.look(state)
    if as_json:
        out.print_json(data=report.as_dict(state, node))
    else:
        out.print(f"[bold]{state.api_url}[/]")
        out.print(report.as_table(state, node))


@app.command()
def env() -> None:
    """Print shell exports that point aws, ansible-playbook, terraform and curl at the platform.

    Example: eval "$(tl env)" && curl -H "Authorization: Bearer $TL_TOKEN" $TL_API_URL/health
    """
    from local.addresses import exports  # noqa: PLC0415
    from local.client import Client, NotRunningError  # noqa: PLC0415

    state = running(Home())
    try:
        with Client.of_state(state) as client:
            settings = exports(state, client.sign_in())
    except NotRunningError as error:
        fail(escape(str(error)), "`tl status` says what happened", code=Exit.NOT_RUNNING)
    for name, value in sorted(settings.items()):
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


@app.command()
def logs(
    part: Annotated[str, typer.Argument(help=f"One of {', '.join(LOGS)}; all by default.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing, until Ctrl-C.")] = False,
) -> None:
    """Print the logs; those of a platform that died stay until the next `tl up`."""
    from local.tail import tail  # noqa: PLC0415

    if part and part not in LOGS:
        fail(f"there is no part {part!r}", f"choose one of {', '.join(LOGS)}", code=Exit.USAGE)
    home = Home()
    tail({name: home.log(name) for name in ([part] if part else LOGS)}, sys.stdout, follow=follow)


@app.command()
def audit(
    number: Annotated[int, typer.Option("-n", help="How many lines.", min=1)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="The lines as they are.")] = False,
) -> None:
    """Show the last runs of runbooks on this machine, oldest first; TL_AUDIT_FILE names another file."""
    from local import audit as shown  # noqa: PLC0415
    from tinyllama.adapters.audit_log import AuditFile  # noqa: PLC0415
    from tinyllama.domain.errors import AuditError  # noqa: PLC0415

    try:
        lines = AuditFile(shown.path()).last(number)
    except AuditError as error:
        fail(escape(str(error)), "name a file that you may read: TL_AUDIT_FILE=...")
    if as_json:
        sys.stdout.writelines(f"{json.dumps(line)}\n" for line in lines)
    elif lines:
        out.print(shown.as_table(lines))
    else:
        fail(f"no runbook has left a line in {shown.path()}", "TL_AUDIT_FILE names another file")


@app.command()
def cost(
    *,
    region: Annotated[str, typer.Option(help="AWS region.")] = "eu-central-1",
    node_type: Annotated[str, typer.Option("--type", help="Instance type of the node.")] = "g4dn.xlarge",
    redis_hours: Annotated[float, typer.Option(help="Hours a day for which Redis exists.", min=0, max=24)] = 0,
    fixed_address: Annotated[bool, typer.Option("--fixed-address", help="Keep an Elastic IP.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what the account costs a month on AWS, line by line, from list prices. Nothing is asked of AWS.

    Example: tl cost --region eu-west-1 --redis-hours 8
    """
    from local import costs as shown  # noqa: PLC0415
    from tinyllama.domain import costs  # noqa: PLC0415

    if node_type not in (types := costs.known().get(region, [])):
        places = [f"{place}: {', '.join(names)}" for place, names in costs.known().items()]
        what = f"a {node_type} in {region}" if types else f"the region {region}"
        fail(f"the price of {what} is not known", f"known are {'; '.join(places)}", code=Exit.USAGE)
    redis_h = costs.DAYS * Decimal(str(redis_hours))
    found = shown.months(costs.Setup(region, node_type, redis_h, fixed_address))
    if as_json:
        out.print_json(data=shown.as_dict(found))
    else:
        out.print(shown.as_table(found))


@app.command()
def demo(
    svg: Annotated[Path | None, typer.Option(help="Also write what you see as a picture.", dir_okay=False)] = None,
    queue: QueueOption = Queue.REDIS,
    node: NodeOption = NodeKind.PROCESS,
) -> None:
    """Tell the whole story in under 90 s, on a platform of its own, and leave nothing running.

    A prompt wakes the node, a second one finds it awake, a playbook resizes it, the watchdog puts it to sleep.
    With --node container it is cron who calls the watchdog, so that it takes up to a minute longer.
    """
    from rich.console import Console  # noqa: PLC0415

    from local.demo import DemoError  # noqa: PLC0415
    from local.demo import demo as tell  # noqa: PLC0415

    console = Console(record=svg is not None, highlight=False, width=100 if svg else None)
    try:
        tell(console, queue=queue, node=node)
    except DemoError as error:
        fail(escape(str(error)), "run it again; if it fails again: tl up, tl ask, tl logs")
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    if svg is not None:
        from local.picture import svg_of  # noqa: PLC0415

        svg.write_text(svg_of(console, title="make demo"))


@app.command()
def down() -> None:
    """End everything; fine when nothing runs."""
    from local.launch import down as end  # noqa: PLC0415

    end(Home())


def main() -> None:
    """Entry point of `tl`."""
    app()


if __name__ == "__main__":
    main()

"""The local AWS as one thing: moto, the strict EC2, faults and call records behind one loopback URL."""

# isort: off
import local.aws.core.moto_reads  # noqa: F401 -- before others import moto as it is

# isort: on
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import TracebackType
from typing import Any, Self

import boto3
from botocore import xform_name
from botocore.config import Config
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

from local.aws.billing.spending import Spending
from local.aws.billing.spending import installed as spending_installed
from local.aws.control import Control
from local.aws.core.calls import CallLog
from local.aws.core.clock import Clock, Delays, system_clock
from local.aws.core.loopback import Loopback
from local.aws.dynamodb.items import StrictDynamoDb
from local.aws.dynamodb.seam import installed as dynamodb_installed
from local.aws.ec2.events import Subscriber
from local.aws.ec2.instances import StrictEc2
from local.aws.ec2.seam import installed
from local.aws.elasticache.clusters import StrictCache
from local.aws.elasticache.seam import installed as cache_installed
from local.aws.faults import Fault, FaultBox
from local.aws.layer import StrictLayer
from local.aws.scheduler.firing import StrictScheduler
from local.aws.scheduler.seam import installed as scheduler_installed
from local.aws.seams import installed as seams_installed
from local.aws.sqs.messages import StrictSqs
from local.aws.sqs.seam import installed as sqs_installed
from local.aws.ssm.automation import StrictAutomation
from local.aws.ssm.seam import installed as automation_installed

REGION = "eu-central-1"
_CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
_one_at_a_time = threading.Lock()


class StrictAws:
    """The local AWS in this process, for tests and for `python -m local.aws`; empty at the start and at the end.

    >>> with StrictAws(boot_s=0.2, stop_s=0.1) as aws:
    ...     aws.client("ec2").describe_instances()  # or anything else, with AWS_ENDPOINT_URL=aws.url
    ...     aws.fail("ec2:StartInstances", "InsufficientInstanceCapacity", match={"InstanceType": "g4dn.xlarge"})
    ...     aws.calls("ec2", "StartInstances")  # records as GET /_tl/calls gives them
    ...     aws.clear()  # no more faults, no recorded calls

    Only one at a time, since moto's state belongs to the process.
    """

    def __init__(
        self,
        *,
        boot_s: float = 0.2,
        stop_s: float = 0.1,
        cache_s: float = 0.5,
        port: int = 0,
        clock: Clock = system_clock,
        verbose: bool = False,
    ) -> None:
        """Prepare; nothing runs before the context is entered. Raises PortInUseError there if the port is taken."""
        self._ec2 = StrictEc2(clock, Delays(boot_s=boot_s, stop_s=stop_s, cache_s=cache_s))
        self._scheduler = StrictScheduler(self._invoke, clock)
        self._automation = StrictAutomation(lambda: self.url, clock)
        self._cache = StrictCache(clock, lambda: self._ec2.delays.cache_s)
        self.dynamodb, self.sqs = StrictDynamoDb(), StrictSqs()
        self.spending = Spending()
        self._faults, self._calls = FaultBox(), CallLog()
        self._control = Control(self._ec2, self._cache, self._faults, self._calls)
        layer = StrictLayer(_moto(), self._control, self._faults, self._calls, clock)
        self._http = Loopback(layer, port, handler=MotoRequestHandler, verbose=verbose)

    def __enter__(self) -> Self:
        """Serve, with nothing in the account."""
        with ExitStack() as stack:
            stack.enter_context(_alone())
            stack.enter_context(installed(self._ec2))
            stack.enter_context(scheduler_installed(self._scheduler))
            stack.enter_context(dynamodb_installed(self.dynamodb))
            stack.enter_context(sqs_installed(self.sqs))
            stack.enter_context(cache_installed(self._cache))
            stack.enter_context(automation_installed(self._automation))
            stack.enter_context(seams_installed())
            stack.enter_context(spending_installed(self.spending))
            moto_api_backend.reset()
            stack.callback(moto_api_backend.reset)
            stack.enter_context(self._http)
            stack.enter_context(self._automation.running())
            stack.enter_context(_ticking(self._ec2.run, self._ec2.wake, "ec2-ticker"))
            stack.enter_context(_ticking(self._scheduler.run, lambda: None, "scheduler-ticker"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Stop serving and forget everything."""
        self._stack.__exit__(kind, error, tb)

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL has to be."""
        return self._http.url

    @property
    def subscribers(self) -> list[Subscriber]:
        """Called, in order, with each EC2 state-change event; append to it."""
        return self._ec2.subscribers

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client that does not retry, so that a fault shows at once."""
        config = Config(retries={"total_max_attempts": 1})
        return boto3.client(service, region_name=region, endpoint_url=self.url, config=config, **_CREDENTIALS)  # type: ignore[call-overload]

    def tick(self) -> None:
        """Make everything happen that is due by the clock; it would by itself, but within a second of real time."""
        self._scheduler.tick()
        self._ec2.tick()

    def _invoke(self, service: str, operation: str, parameters: dict[str, Any], region: str) -> None:
        client = self.client(service, region)
        getattr(client, xform_name(operation))(**parameters)

    def fail(self, operation: str, code: str | None = None, **details: Any) -> None:
        """Arm a fault; `details` are more fields of `Fault`: times (default 1), match, delay_s, status, message."""
        self._faults.add(Fault(operation=operation, code=code, **details))

    def calls(self, service: str, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the recorded calls of a service, or of one of its operations, oldest first."""
        records = self._calls.as_dicts()
        return [r for r in records if r["service"] == service and operation in {None, r["operation"]}]

    def settings(self, **changed: Any) -> dict[str, Any]:
        """Change what `POST /_tl/settings` takes: boot_s, stop_s, cache_s, redis_port; return all of them."""
        return self._control.change(changed)

    def clear(self) -> None:
        """Disarm all faults and forget the recorded calls; resources stay."""
        self._faults.clear()
        self._calls.clear()


@cache
def _moto() -> DomainDispatcherApplication:
    """What knows only who answers which path; that stays as it is from one local AWS to the next."""
    return DomainDispatcherApplication(create_backend_app)


@contextmanager
def _alone() -> Iterator[None]:
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError("a StrictAws already runs in this process: leave its context first")
    try:
        yield
    finally:
        _one_at_a_time.release()


@contextmanager
def _ticking(run: Callable[[threading.Event], None], wake: Callable[[], None], name: str) -> Iterator[None]:
    stopped = threading.Event()
    ticker = threading.Thread(target=run, args=(stopped,), daemon=True, name=name)
    ticker.start()
    try:
        yield
    finally:
        stopped.set()
        wake()
        ticker.join()

"""The notice that EC2 gives a Spot instance, from a real metadata service to a worker that drains."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from local.aws.ec2.imds import Credentials, Identity, SpotMarket, serve_imds
from tests.integration.aws.instances import ManualClock
from tests.integration.worker.station import Station, on_redis
from tinyllama.adapters.imds import Interruption, Metadata
from tinyllama.domain.errors import NodeError
from tinyllama.domain.jobs import JobStatus

WHO = Identity("i-0123456789abcdef0", "g4dn.xlarge", "eu-central-1", "eu-central-1a")


@dataclass
class Host:
    """A Spot instance's metadata service, and what may happen to it."""

    url: str
    market: SpotMarket
    clock: ManualClock


@pytest.fixture
def host() -> Iterator[Host]:
    market, clock = SpotMarket(), ManualClock()
    with serve_imds(WHO, Credentials(), clock=clock, spot=market) as imds:
        yield Host(imds.url, market, clock)


def test_there_is_no_notice_until_ec2_gives_one_and_then_it_says_what_and_when(host: Host) -> None:
    metadata = Metadata(host.url)
    assert metadata.interruption() is None
    host.market.interrupt(datetime(2026, 1, 1, 12, 2, tzinfo=UTC))
    assert metadata.interruption() == Interruption("terminate", "2026-01-01T12:02:00Z")


def test_a_token_is_asked_for_once_in_six_hours(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata, asked = Metadata(host.url), list[str]()
    ask = metadata._ask

    def counted(path: str, method: str, headers: dict[str, str]) -> str:
        asked.append(method)
        return ask(path, method, headers)

    monkeypatch.setattr(metadata, "_ask", counted)
    for _ in range(5):
        metadata.interruption()
    assert asked == ["PUT"] + ["GET"] * 5
    host.clock.advance(6 * 3_600)
    assert metadata.interruption() is None
    assert asked[6:] == ["GET", "PUT", "GET"], "a token that ran out is replaced"


def test_a_service_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(NodeError, match=r"Spot notice.*127\.0\.0\.1:9"):
        Metadata("http://127.0.0.1:9").interruption()


@on_redis
async def test_a_spot_notice_drains_the_worker_which_finishes_its_job(station: Station, host: Host) -> None:
    station.engine.go.clear()
    worker = station.start_worker("one", SPOT_POLL_S="0.05", AWS_EC2_METADATA_SERVICE_ENDPOINT=host.url)
    asked = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    host.market.interrupt(datetime.now(UTC) + timedelta(minutes=2))
    await station.until(lambda: "spot notice" in station.log("one"))
    await station.until(lambda: "draining" in station.log("one"))
    late = station.send()
    station.engine.go.set()
    assert await station.ended(worker) == 0
    assert (station.status(asked), station.status(late)) == (JobStatus.DONE, JobStatus.QUEUED)


@on_redis
async def test_a_worker_that_is_started_again_after_the_notice_takes_nothing(station: Station, host: Host) -> None:
    host.market.interrupt(datetime.now(UTC) + timedelta(minutes=2))
    asked = station.send()
    worker = station.start_worker("one", SPOT_POLL_S="5", AWS_EC2_METADATA_SERVICE_ENDPOINT=host.url)
    assert await station.ended(worker) == 0
    assert station.status(asked) is JobStatus.QUEUED
    assert not station.engine.asked
    assert "draining" not in station.log("one"), "it never said that it is there"


@on_redis
async def test_without_a_metadata_service_the_worker_says_so_once_and_works(station: Station) -> None:
    station.start_worker("one", SPOT_POLL_S="0.02", AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:9")
    await station.until(lambda: "no spot notices" in station.log("one"))
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)
    assert station.log("one").count("no spot notices") == 1

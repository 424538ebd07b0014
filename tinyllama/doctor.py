"""Looking the whole account over. A look that AWS refuses becomes a line of its own; the others go on."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Protocol

from tinyllama.domain import checkup, end_of_life, orphans
from tinyllama.domain.account import Address, Disk, Function, LookError, Machine, Picture, Snapshot
from tinyllama.domain.checkup import Deployment
from tinyllama.domain.findings import Finding, Severity

GPU_QUOTA, CONCURRENCY_QUOTA = ("ec2", "L-DB2E81BA"), ("lambda", "L-B99A9384")
DEFAULT_TYPES = ("t3.small", "g4dn.xlarge")
"""What the node is made as and meant to run as, where Terraform's outputs do not say."""
_UBUNTU = re.compile(r"ubuntu.*?-(\d\d\.\d\d)-")
_FUNCTIONS = "tinyllama-"


class Account(Protocol):
    """The account, read only. Every method raises `LookError`, and returns all there is, page by page."""

    @property
    def region(self) -> str:
        """The region that is looked at."""

    def number(self) -> str:
        """The account's id."""

    def quota(self, service: str, code: str) -> float:
        """The value of a service quota."""

    def functions(self) -> Sequence[Function]:
        """The Lambda functions."""

    def redis_versions(self) -> Mapping[str, str]:
        """The version of each Redis cluster by its id."""

    def machines(self) -> Sequence[Machine]:
        """The instances, of which some may be gone."""

    def disks(self) -> Sequence[Disk]:
        """The volumes."""

    def addresses(self) -> Sequence[Address]:
        """The elastic addresses."""

    def snapshots(self) -> Sequence[Snapshot]:
        """The account's own snapshots."""

    def images(self) -> Sequence[Picture]:
        """The account's own images."""

    def image_labels(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The name of each of these images that still exists; of one that was baked, its base's."""

    def lease_names(self, group: str) -> Sequence[str]:
        """The names of the schedules of a group."""

    def lease_end(self, group: str, machine: str) -> int | None:
        """When a node will be stopped, in seconds since the epoch; None when it has no lease."""


class Looks:
    """Each list is fetched once, for all questions that need it."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @cached_property
    def machines(self) -> Sequence[Machine]:
        """The instances."""
        return self._account.machines()

    @cached_property
    def disks(self) -> Sequence[Disk]:
        """The volumes."""
        return self._account.disks()

    @cached_property
    def images(self) -> Sequence[Picture]:
        """The images."""
        return self._account.images()

    @cached_property
    def snapshots(self) -> Sequence[Snapshot]:
        """The snapshots."""
        return self._account.snapshots()


@dataclass(frozen=True, slots=True)
class Doctor:
    """Asks every question. `python` is the version that runs here, `now` seconds since the epoch, `today` in UTC."""

    account: Account
    deployment: Deployment
    lease_group: str
    python: str
    now: float
    today: date

    def look(self) -> list[Finding]:
        """All findings, those of what could not be looked at among them."""
        looks = Looks(self.account)
        questions: tuple[tuple[str, str, Callable[[], Iterable[Finding]]], ...] = (
            (checkup.DRIFT, "account", self._identity),
            (checkup.QUOTA, "G instances", self._gpus),
            (checkup.QUOTA, "Lambda concurrency", self._concurrency),
            (end_of_life.AREA, "functions", self._runtimes),
            (end_of_life.AREA, "Redis", self._redis),
            (end_of_life.AREA, "node", lambda: self._ubuntu(looks)),
            (end_of_life.AREA, "Python", lambda: [self._life("Python", self.python, "this machine")]),
            (checkup.DRIFT, "node", lambda: checkup.drift(looks.machines, self.deployment)),
            (checkup.LEASE, "running nodes", lambda: self._leases(looks)),
            (checkup.LEASE, "schedules", lambda: self._strays(looks)),
            (orphans.AREA, "instances", lambda: orphans.machines(looks.machines, looks.disks, self.account.region)),
            (orphans.AREA, "volumes", lambda: orphans.disks(looks.disks, self.account.region)),
            (orphans.AREA, "addresses", lambda: orphans.addresses(self.account.addresses(), self.account.region)),
            (orphans.AREA, "images", lambda: self._images(looks)),
            (
                orphans.AREA,
                "snapshots",
                lambda: orphans.snapshots(looks.snapshots, looks.images, self.account.region),
            ),
        )
        return [finding for question in questions for finding in _answered(*question)]

    def _identity(self) -> Iterator[Finding]:
        yield checkup.account(self.account.number(), self.account.region, self.deployment)

    def _gpus(self) -> Iterator[Finding]:
        yield checkup.gpu_quota(self.account.quota(*GPU_QUOTA), self.deployment.types or DEFAULT_TYPES)

    def _concurrency(self) -> Iterator[Finding]:
        yield checkup.concurrency_quota(self.account.quota(*CONCURRENCY_QUOTA))

    def _life(self, product: str, version: str, used_by: str) -> Finding:
        return end_of_life.judge(product, version, used_by=used_by, today=self.today)

    def _runtimes(self) -> Iterator[Finding]:
        users: dict[str, list[str]] = {}
        for function in self.account.functions():
            if function.runtime and function.name.startswith(_FUNCTIONS):
                users.setdefault(function.runtime, []).append(function.name)
        for runtime, names in sorted(users.items()):
            yield self._life("Lambda runtime", runtime, ", ".join(sorted(names)))

    def _redis(self) -> Iterator[Finding]:
        for name, version in sorted(self.account.redis_versions().items()):
            yield self._life("Redis", version, name)

    def _ubuntu(self, looks: Looks) -> Iterator[Finding]:
        ours = [machine for machine in looks.machines if machine.ours and not machine.gone and machine.image]
        labels = self.account.image_labels(sorted({machine.image for machine in ours}))
        for machine in ours:
            found = _UBUNTU.search(labels.get(machine.image, ""))
            if found:
                yield self._life("Ubuntu", found[1], machine.name)
            else:
                text = f"its image {machine.image} does not say which Ubuntu it is: look on the host"
                yield Finding(Severity.NOTE, end_of_life.AREA, f"Ubuntu of {machine.name}", text)

    def _leases(self, looks: Looks) -> Iterator[Finding]:
        for machine in looks.machines:
            if machine.node and machine.awake:
                ends_at = self.account.lease_end(self.lease_group, machine.id)
                yield checkup.lease(machine, ends_at, now=self.now, region=self.account.region)

    def _strays(self, looks: Looks) -> Iterator[Finding]:
        yield from checkup.stray_leases(self.account.lease_names(self.lease_group), looks.machines)

    def _images(self, looks: Looks) -> Iterator[Finding]:
        used = {machine.image for machine in looks.machines if not machine.gone}
        yield from orphans.images(looks.images, looks.snapshots, used, self.account.region)


def _answered(area: str, what: str, question: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(question())
    except LookError as error:
        return [Finding(Severity.UNSEEN, area, what, f"could not look: {error}")]

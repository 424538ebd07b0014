"""Things that cost money and that nobody uses: what they are, and what they cost a month.

Things that another project claims by its tag are none of our business. Prices: `costs.RATES`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal

from tinyllama.domain.account import ROLES, Address, Disk, Machine, Picture, Snapshot, Thing
from tinyllama.domain.costs import HOURS, RATES, in_eur
from tinyllama.domain.findings import Finding, Severity
from tinyllama.domain.prices import USD_PER_HOUR

AREA = "orphans"
KEPT_IMAGES = 2
"""Images of each role that `bake_ami.yml` keeps, so that there is one to go back to."""
_PRICED_DISK = "gp3"


def _rate(region: str, what: str) -> Decimal | None:
    rate = RATES.get(region, {}).get(what)
    return rate.usd if rate else None


def _eur(usd: Decimal | None) -> Decimal | None:
    return None if usd is None else in_eur(usd)


def _claimed_by_others(thing: Thing) -> bool:
    return not (thing.untagged or thing.ours)


def _orphan(thing: Thing, what: str, why: str, usd: Decimal | None, remedy: str) -> Finding:
    cost = "" if usd is not None else "; its price is not known here"
    whose = "untagged" if thing.untagged else "ours"
    return Finding(Severity.WARNING, AREA, f"{what} {thing.name}", f"{whose}, {why}{cost}: {remedy}", _eur(usd))


def disk_usd(region: str, disk: Disk) -> Decimal | None:
    """USD a month; None for a kind of disk or a region without a known price."""
    rate = _rate(region, "disk") if disk.kind == _PRICED_DISK else None
    return None if rate is None else rate * disk.gib


def machines(found: Iterable[Machine], disks: Iterable[Disk], region: str) -> Iterator[Finding]:
    """Instances without our tags, or with a role that should not be there for long, with their disks."""
    attached: dict[str, list[Disk]] = defaultdict(list)
    for disk in disks:
        attached[disk.machine].append(disk)
    for machine in found:
        if machine.gone or _claimed_by_others(machine) or (machine.ours and machine.tags.get("Role") in ROLES):
            continue
        role = machine.tags.get("Role") or "none"
        why = f"{machine.state} {machine.type}" + (f", role {role}" if machine.ours else "")
        costs = [disk_usd(region, disk) for disk in attached[machine.id]]
        why += "" if None not in costs else ", and disks of unknown price"
        usd = _machine_usd(region, machine)
        usd = None if usd is None else usd + sum((cost for cost in costs if cost), Decimal(0))
        yield _orphan(machine, "instance", why, usd, "tag it with its Project, or terminate it")


def _machine_usd(region: str, machine: Machine) -> Decimal | None:
    if not machine.awake:
        return Decimal(0)
    hour = USD_PER_HOUR.get(region, {}).get(machine.type)
    return None if hour is None else hour * HOURS


def disks(found: Iterable[Disk], region: str) -> Iterator[Finding]:
    """Volumes that are attached to nothing."""
    for disk in found:
        if not disk.machine and not _claimed_by_others(disk):
            why = f"{disk.gib} GiB {disk.kind}, attached to nothing"
            yield _orphan(disk, "volume", why, disk_usd(region, disk), "snapshot it if in doubt, and delete it")


def addresses(found: Iterable[Address], region: str) -> Iterator[Finding]:
    """Elastic addresses that are attached to nothing, and cost all the same."""
    hour = _rate(region, "address")
    for address in found:
        if not address.attached and not _claimed_by_others(address):
            usd = None if hour is None else hour * HOURS
            why = f"{address.ip}, attached to nothing"
            yield _orphan(address, "address", why, usd, "release it, or attach it")


def images(
    found: Sequence[Picture], snapshots: Iterable[Snapshot], used: Collection[str], region: str
) -> Iterator[Finding]:
    """Images that nothing was launched from, but for the newest two of each role; they cost by their snapshots."""
    sizes = {snapshot.id: snapshot.gib for snapshot in snapshots}
    kept = _newest(found)
    for image in found:
        if image.id in used or image.id in kept or _claimed_by_others(image):
            continue
        usd = _snapshots_usd(region, [sizes.get(one, 0) for one in image.snapshots])
        remedy = "deregister it, and delete its snapshots"
        yield _orphan(image, "image", f"{image.label or 'nameless'}, in use by no instance", usd, remedy)


def _newest(found: Iterable[Picture]) -> set[str]:
    roles: dict[str, list[Picture]] = defaultdict(list)
    for image in found:
        if image.ours and image.tags.get("Role"):
            roles[image.tags["Role"]].append(image)
    ranked = (sorted(group, key=lambda one: (one.created, one.id), reverse=True) for group in roles.values())
    return {image.id for group in ranked for image in group[:KEPT_IMAGES]}


def snapshots(found: Iterable[Snapshot], images: Iterable[Picture], region: str) -> Iterator[Finding]:
    """Snapshots that no image is made of."""
    used = {one for image in images for one in image.snapshots}
    for snapshot in found:
        if snapshot.id not in used and not _claimed_by_others(snapshot):
            usd = _snapshots_usd(region, [snapshot.gib])
            why = f"of {snapshot.gib} GiB, which no image uses; it costs this at most"
            yield _orphan(snapshot, "snapshot", why, usd, "delete it")


def _snapshots_usd(region: str, sizes: Iterable[int]) -> Decimal | None:
    rate = _rate(region, "snapshot")
    return None if rate is None else rate * sum(sizes)

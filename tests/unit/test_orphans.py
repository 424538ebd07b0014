"""What nobody uses, and what it costs: by the price list, and never what somebody else claims."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.account import Address, Disk, Machine, Picture, Snapshot
from tinyllama.domain.orphans import addresses, disks, images, machines, snapshots

REGION = "eu-central-1"
OURS, THEIRS, NOBODYS = {"Project": "tinyllama"}, {"Project": "shop"}, dict[str, str]()


def test_an_unattached_volume_costs_by_its_size() -> None:
    [found] = disks([Disk("vol-1", NOBODYS, 100), Disk("vol-2", OURS, 30, machine="i-1")], REGION)
    assert found.subject == "volume vol-1"
    assert found.eur_month == Decimal("8.33")  # 100 * 0.0952 / 1.1435


@pytest.mark.parametrize("tags", [OURS, NOBODYS])
def test_an_address_that_is_attached_to_nothing_costs_as_much_as_one_in_use(tags: dict[str, str]) -> None:
    [found] = addresses([Address("eipalloc-1", tags, "192.0.2.1"), Address("e-2", tags, "192.0.2.2", True)], REGION)
    assert found.eur_month == Decimal("3.19")


def test_what_another_project_claims_is_none_of_our_business() -> None:
    assert list(disks([Disk("vol-1", THEIRS, 100)], REGION)) == []
    assert list(addresses([Address("e-1", THEIRS, "192.0.2.1")], REGION)) == []
    assert list(snapshots([Snapshot("snap-1", THEIRS, 8)], [], REGION)) == []
    assert list(images([Picture("ami-1", THEIRS)], [], (), REGION)) == []
    assert list(machines([Machine("i-1", THEIRS)], [], REGION)) == []


def test_a_forgotten_instance_costs_its_hours_and_its_disks() -> None:
    bake = Machine("i-1", {**OURS, "Role": "image-build"}, "running", "t3.small")
    [found] = machines([bake], [Disk("vol-1", OURS, 30, machine="i-1")], REGION)
    assert found.eur_month == Decimal("17.82")  # (730 * 0.0240 + 30 * 0.0952) / 1.1435
    assert "role image-build" in found.text


def test_a_stopped_instance_costs_its_disks_only() -> None:
    [found] = machines([Machine("i-1", NOBODYS, "stopped", "p5.48xlarge")], [], REGION)
    assert found.eur_month == Decimal("0.00")


def test_a_disk_of_unknown_price_is_said_beside_what_the_rest_costs() -> None:
    spare = Machine("i-1", NOBODYS, "running", "t3.small")
    [found] = machines([spare], [Disk("vol-1", NOBODYS, 8, "gp2", "i-1")], REGION)
    assert (found.eur_month, "disks of unknown price" in found.text) == (Decimal("15.32"), True)


def test_our_nodes_and_what_is_gone_are_not_forgotten() -> None:
    kept = [Machine(f"i-{role}", {**OURS, "Role": role}, "stopped") for role in ("gpu-node", "builder")]
    assert list(machines([*kept, Machine("i-3", NOBODYS, "terminated")], [], REGION)) == []


@pytest.mark.parametrize(
    ("region", "disk"), [("us-east-1", Disk("vol-1", NOBODYS, 8)), (REGION, Disk("vol-1", NOBODYS, 8, "io2"))]
)
def test_an_unknown_price_is_said_and_is_no_zero(region: str, disk: Disk) -> None:
    [found] = disks([disk], region)
    assert (found.eur_month, "price is not known" in found.text) == (None, True)


def picture(number: int, role: str = "gpu-node") -> Picture:
    tags = {**OURS, "Role": role}
    return Picture(f"ami-{number}", tags, f"n{number}", f"2026-11-{number:02}T00:00:00Z", (f"snap-{number}",))


def test_the_newest_two_images_of_each_role_and_those_in_use_stay() -> None:
    made = [picture(number) for number in range(1, 6)] + [picture(9, "builder")]
    sizes = [Snapshot(f"snap-{number}", OURS, 30) for number in range(1, 10)]
    found = list(images(made, sizes, {"ami-2"}, REGION))
    assert [one.subject for one in found] == ["image ami-1", "image ami-3"]
    assert {one.eur_month for one in found} == {Decimal("1.42")}  # 30 * 0.054 / 1.1435


def test_a_snapshot_of_an_image_is_the_images() -> None:
    [found] = snapshots([Snapshot("snap-1", OURS, 30), Snapshot("snap-7", OURS, 30)], [picture(1)], REGION)
    assert found.subject == "snapshot snap-7"


TAGS = st.sampled_from([OURS, THEIRS, NOBODYS])


@given(st.lists(st.builds(Disk, id=st.uuids().map(str), tags=TAGS, gib=st.integers(1, 16_384))))
def test_every_disk_that_is_ours_or_nobodys_is_told_once_and_costs_something(found: list[Disk]) -> None:
    told = list(disks(found, REGION))
    assert [one.subject for one in told] == [f"volume {disk.id}" for disk in found if disk.tags != THEIRS]
    assert all(one.eur_month and one.eur_month > 0 for one in told)

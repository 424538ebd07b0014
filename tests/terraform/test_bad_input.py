"""Each bad input that a deployment is likely to meet has a run that sees it refused by `plan`, before anything is made.

That a bucket's name is taken is refused by `make plan`: `test_deploy_page.py`, and `test_bucket_names.py` elsewhere.
"""

import re

import pytest

from tests.terraform.configuration import CONFIGURATION

pytestmark = pytest.mark.terraform

REFUSED = {
    "a budget of 0": ("modules/ops", "rejects_a_budget_of_zero", "var.budget_eur"),
    "an address that is no mail address": ("modules/ops", "rejects_a_mail_address_without_a_domain", "var.alert_email"),
    "an unknown type of the node": ("modules/node", "rejects_an_instance_type_without_a_known_price", "var.node_type"),
    "an unknown type of GPU": (".", "rejects_a_gpu_type_without_a_known_price", "var.gpu_type"),
    "networks that overlap": ("modules/network", "rejects_a_vpn_that_overlaps_with_the_vpc", "var.vpn_cidr"),
    "a region without dual-stack": (".", "rejects_a_region_without_gpus_or_dual_stack", "var.region"),
    "a region without g4dn": ("modules/network", "rejects_a_region_where_no_zone_has_the_gpu", "aws_vpc.main"),
    "an address without a node": ("modules/node", "rejects_an_address_without_a_node", "var.enable_eip"),
}


@pytest.mark.parametrize(("folder", "run", "refused"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_by_a_plan(folder: str, run: str, refused: str) -> None:
    text = "".join(path.read_text() for path in (CONFIGURATION / folder / "tests").glob("*.tftest.hcl"))
    [block] = re.findall(rf'^run "{run}" \{{\n(.*?)^\}}', text, re.MULTILINE | re.DOTALL)
    assert re.search(r"^  command += plan$", block, re.MULTILINE), "only an apply would refuse it"
    assert re.search(rf"^  expect_failures += \[{re.escape(refused)}\]$", block, re.MULTILINE)

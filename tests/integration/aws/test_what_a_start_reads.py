"""What the processes of a starting platform import and read: more of it, and everybody waits for seconds."""

import subprocess
import sys

from local.processes import ROOT

READS = """
from collections import Counter
from pathlib import Path
from botocore.loaders import JSONFileLoader
from boto3 import Session

asked, load, read = Session.get_available_regions, JSONFileLoader.load_file, Counter()

def counted(self, path):
    found = load(self, path)
    read[str(path)] += found is not None
    return found

JSONFileLoader.load_file = counted
"""
IMPORT = """
from local.aws.server import StrictAws
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
regions = {region.name for region in RegionsAndZonesBackend.regions}
print([path for path in read if "/service-2" in path], Session.get_available_regions is asked,
      {"eu-central-1", "cn-north-1", "us-gov-west-1"} <= regions)
"""
SEED = """
from local.aws.server import StrictAws
from local.aws.seed import seed
with StrictAws() as aws:
    seed(aws.url)
models = [path for path in read.elements() if path.endswith("/service-2")]
print(sorted(Path(path).parts[-3] for path in models))
"""
OFFERS = """
import local.aws.server
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS as ours
from moto.utilities.utils import load_resource
kept = load_resource("ec2/resources/instance_type_offerings/region/eu-central-1.json.gz")
kept = [offer | {"LocationType": "region"} for offer in kept]
regions = ours["region"]
print(sorted(ours), len(regions) > 20, regions["eu-central-1"] == kept, regions.get("nowhere", []))
"""


def printed(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_local_aws_is_imported_without_a_model_knows_all_regions_and_leaves_boto3_as_it_was() -> None:
    assert printed(READS + IMPORT) == "[] True True"


def test_the_model_of_each_service_is_read_once() -> None:
    assert printed(READS + SEED) == "['cognito-idp', 'ec2', 'iam', 's3', 'ssm']"


def test_which_types_a_region_offers_is_what_moto_has_read_when_somebody_asks() -> None:
    assert printed(OFFERS) == "['availability-zone', 'availability-zone-id', 'region'] True True []"


def test_what_is_started_before_the_local_aws_imports_neither_moto_nor_boto3_and_the_very_first_no_pydantic() -> None:
    imported = "import sys; print([name for name in ('moto', 'boto3', 'pydantic') if name in sys.modules])"
    assert printed(f"import local.supervisor; {imported}") == "['pydantic']"
    assert printed(f"import local.platform; {imported}") == "[]"

"""What the processes of a starting platform import and read: more of it, and everybody waits for seconds."""

import subprocess
import sys

from local.processes import ROOT

MODELS_READ = """
from botocore.loaders import JSONFileLoader
from boto3 import Session

asked, load, read = Session.get_available_regions, JSONFileLoader.load_file, []

def counted(self, path):
    found = load(self, path)
    if found is not None and "/ec2/" in path:
        read.append(path)
    return found

JSONFileLoader.load_file = counted
import local.aws.server
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
regions = {region.name for region in RegionsAndZonesBackend.regions}
print(len(read), Session.get_available_regions is asked, {"eu-central-1", "cn-north-1", "us-gov-west-1"} <= regions)
"""


def printed(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_local_aws_reads_ec2_s_model_once_knows_all_its_regions_and_leaves_boto3_as_it_was() -> None:
    assert printed(MODELS_READ) == "1 True True"


def test_whoever_seeds_the_account_does_not_import_moto() -> None:
    assert printed("import sys, local.platform, local.aws.seed; print('moto' in sys.modules)") == "False"

"""What Terraform tells the node's processes (docs/adr/0046), for those who act on the node from elsewhere."""

from tinyllama.adapters.aws_json import AwsError, AwsJson
from tinyllama.domain.errors import QueueUnavailableError

PATH = "/tinyllama/worker"


def read(aws: AwsJson) -> dict[str, str]:
    """The variables of their environment; none where Terraform has made no node.

    Raises:
        QueueUnavailableError: the SSM Parameter Store refused, or did not answer.
    """
    found: dict[str, str] = {}
    asked: dict[str, str | int] = {"Path": PATH}
    while True:
        try:
            page = aws.call("ssm", "GetParametersByPath", asked)
        except (AwsError, QueueUnavailableError) as error:
            raise QueueUnavailableError(f"{PATH}: {error}") from error
        found |= {item["Name"].rpartition("/")[2]: item["Value"] for item in page["Parameters"]}
        if not page.get("NextToken"):
            return found
        asked["NextToken"] = page["NextToken"]

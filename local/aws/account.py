"""What the local account holds, as others need to know it. Without boto3: the command line reads this, too."""

from pydantic import BaseModel, ConfigDict, Field


class Account(BaseModel):
    """Names of what `seed` made. `jwks_url` is the local server's; `issuer` is AWS's, as in the tokens' `iss`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str
    instance_id: str
    reply_bucket: str
    lease_role_arn: str
    user_pool_id: str
    client_id: str
    issuer: str
    jwks_url: str
    username: str
    password: str = Field(repr=False)
    queue_url: str = ""
    queue_table: str = ""
    """Empty on a platform whose queue is Redis."""

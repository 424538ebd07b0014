"""What the router's environment must say."""

from pydantic import Field

from tinyllama.settings import LeaseSettings, QueueSettings


class RouterSettings(LeaseSettings, QueueSettings):
    """Environment of `tinyllama-router`; names in capitals."""

    cognito_issuer: str
    cognito_aud: str
    reply_bucket: str
    jwks_url: str = ""
    """Where the key set is; the issuer's own address by default."""
    jwks_bucket: str = ""
    """The bucket with the copy of the key set, for a router inside the VPC, which cannot reach the issuer."""
    jwks_key: str = Field("jwks.json", min_length=1)
    redis_timeout_s: float = Field(0.05, gt=0, le=5)
    boot_eta_s: int = Field(90, ge=1)
    """What a cold boot is said to take until one has been measured."""
    max_queued: int = Field(100, ge=1)
    tl_disable_lam_router: bool = False

    @property
    def keys_url(self) -> str:
        """The address of the key set that verifies tokens."""
        return self.jwks_url or f"{self.cognito_issuer}/.well-known/jwks.json"

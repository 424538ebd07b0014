"""What the router's environment must say."""

from pydantic import Field

from tinyllama.settings import LeaseSettings


class RouterSettings(LeaseSettings):
    """Environment of `tinyllama-router`; names in capitals."""

    cognito_issuer: str
    cognito_aud: str
    redis_host: str
    reply_bucket: str
    jwks_url: str = ""
    """Where the key set is; the issuer's own address by default."""
    redis_port: int = Field(6379, ge=1, le=65_535)
    redis_timeout_s: float = Field(0.05, gt=0, le=5)
    boot_eta_s: int = Field(90, ge=1)
    """What a cold boot is said to take until one has been measured."""
    max_queued: int = Field(100, ge=1)
    tl_disable_lam_router: bool = False

    @property
    def keys_url(self) -> str:
        """The address of the key set that verifies tokens."""
        return self.jwks_url or f"{self.cognito_issuer}/.well-known/jwks.json"

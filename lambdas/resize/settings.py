"""What the environment of `resize` must say."""

from pydantic import Field

from tinyllama.settings import LeaseSettings


class ResizeSettings(LeaseSettings):
    """Environment of the function; names in capitals."""

    cognito_issuer: str
    cognito_aud: str
    aws_region: str = ""
    """Set by Lambda; prices in the audit line are those of the region."""
    resize_document: str = Field("TL-ResizeInstance", min_length=1)
    """The only document that the function may start."""
    resize_types: str = Field("t3.small,g4dn.xlarge", min_length=1)
    """Instance types that may be asked for, separated by commas; the document refuses any other, too."""
    jwks_url: str = ""
    """Where the key set is; the issuer's own address by default."""

    @property
    def types(self) -> tuple[str, ...]:
        """The instance types that may be asked for."""
        return tuple(name.strip() for name in self.resize_types.split(","))

    @property
    def keys_url(self) -> str:
        """The address of the key set that verifies tokens."""
        return self.jwks_url or f"{self.cognito_issuer}/.well-known/jwks.json"

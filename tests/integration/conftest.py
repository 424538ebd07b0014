"""What all of this tier shares."""

from tests.user_pools import one_signing_key

__all__ = ["one_signing_key"]  # the fixture

"""An alias of a Lambda function, and the function's versions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.alias import AliasError, Route

_MOVED = "PreconditionFailedException"


def connect(*, region: str | None = None, endpoint_url: str | None = None, timeout_s: float = 5.0) -> Any:
    """A client; what is not given comes from the environment. Raises `AliasError`."""
    # No second try by boto3: it would find that the first one has changed the alias's revision. `move` looks instead.
    config = Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries={"total_max_attempts": 1})
    with _alias_errors():
        return boto3.client("lambda", config=config, region_name=region, endpoint_url=endpoint_url)


@contextmanager
def _alias_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        reason = error.response["Error"]
        code = reason.get("Code", "Unknown")
        raise AliasError(f"{code}: {reason.get('Message', 'no message')}", code=code) from error
    except BotoCoreError as error:
        raise AliasError(f"{type(error).__name__}: {error}", code=type(error).__name__) from error


class LambdaAlias:
    """One alias of one function; every method raises `AliasError`."""

    def __init__(self, client: Any, function: str, alias: str) -> None:
        self._client = client
        self._names = {"FunctionName": function, "Name": alias}
        self._revision = ""

    def route(self) -> Route:
        """Where it sends requests now."""
        with _alias_errors():
            found = self._client.get_alias(**self._names)
        self._revision = found["RevisionId"]
        if not found["FunctionVersion"].isdecimal():
            raise AliasError(
                f"The alias {self._names['Name']} points to {found['FunctionVersion']}, which is no version: "
                "publish one (`terraform apply`), and say which with -e version=."
            )
        weights = ((found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}).items()
        canary = next(((int(version), float(share)) for version, share in weights), (None, 0.0))
        return Route(int(found["FunctionVersion"]), *canary)

    def versions(self) -> Sequence[int]:
        """The published versions."""
        with _alias_errors():
            pages = self._client.get_paginator("list_versions_by_function").paginate(
                FunctionName=self._names["FunctionName"]
            )
            found = [version["Version"] for page in pages for version in page["Versions"]]
        return [int(version) for version in found if version.isdecimal()]

    def move(self, route: Route) -> Route:
        """Point it there, unless somebody else has moved it since it was read; returns what it then is.

        An answer that was lost is no failure if the alias is as wanted.
        """
        weights = {} if route.canary is None else {str(route.canary): route.share}
        try:
            with _alias_errors():
                self._client.update_alias(
                    **self._names,
                    FunctionVersion=str(route.version),
                    RoutingConfig={"AdditionalVersionWeights": weights},
                    RevisionId=self._revision,
                )
        except AliasError as error:
            now = self.route()
            if now == route:
                return now
            if error.code == _MOVED:
                raise AliasError(
                    f"Somebody else has moved the alias meanwhile, to {now}: see who, then run the same command again."
                ) from error
            raise
        return self.route()

    def used(self) -> set[int]:
        """The versions that any alias of the function sends requests to."""
        with _alias_errors():
            pages = self._client.get_paginator("list_aliases").paginate(FunctionName=self._names["FunctionName"])
            found = [alias for page in pages for alias in page["Aliases"]]
        canaries = [(one.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {} for one in found]
        used = {one["FunctionVersion"] for one in found}.union(*canaries)
        return {int(version) for version in used if version.isdecimal()}

    def remove(self, version: int) -> None:
        """Delete a version."""
        with _alias_errors():
            self._client.delete_function(FunctionName=self._names["FunctionName"], Qualifier=str(version))

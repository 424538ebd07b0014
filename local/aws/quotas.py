"""Service quotas of the local account: those that a deployment asks for, once AWS has granted them.

Nothing here is enforced: an instance starts whatever the quota says. A request for more is accepted, and stays pending.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

from local.aws.core.seam import replaced

_QUOTAS = {
    ("ec2", "L-DB2E81BA"): ("Running On-Demand G and VT instances", 8.0),
    ("lambda", "L-B99A9384"): ("Concurrent executions", 1_000.0),
}


@contextmanager
def installed() -> Iterator[None]:
    """Know these quotas for as long as the context lasts."""
    original = ServiceQuotasBackend.get_service_quota

    def get_service_quota(backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
        if (service_code, quota_code) in _QUOTAS:
            name, value = _QUOTAS[service_code, quota_code]
            arn = f"arn:aws:servicequotas:{backend.region_name}:{backend.account_id}:{service_code}/{quota_code}"
            codes = {"ServiceCode": service_code, "ServiceName": service_code, "QuotaCode": quota_code}
            return {**codes, "QuotaName": name, "QuotaArn": arn, "Value": value, "Unit": "None", "Adjustable": True}
        try:
            return original(backend, service_code, quota_code)
        except NoSuchResource as error:
            error.code = 400
            raise

    with ExitStack() as undo:
        undo.enter_context(replaced(ServiceQuotasBackend, "get_service_quota", get_service_quota))
        # As if AWS gave these to every account; the response differs in nothing else.
        same = ServiceQuotasResponse.get_service_quota
        undo.enter_context(replaced(ServiceQuotasResponse, "get_aws_default_service_quota", same))
        undo.enter_context(replaced(ServiceQuotasResponse, "request_service_quota_increase", _request))
        yield


def _request(response: Any) -> str:
    given = json.loads(response.body)
    found = response.backend.get_service_quota(given["ServiceCode"], given["QuotaCode"])
    told = {name: found[name] for name in ("ServiceCode", "ServiceName", "QuotaCode", "QuotaName", "QuotaArn", "Unit")}
    asked = {"Id": uuid.uuid4().hex, "DesiredValue": given["DesiredValue"], "Status": "PENDING"}
    return json.dumps({"RequestedQuota": {**told, **asked}})

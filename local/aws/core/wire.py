"""AWS error answers in the format of the protocol that the caller speaks, so that botocore raises that very code."""

import threading
import warnings

from botocore.model import OperationNotFoundError
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel, ServiceModel
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.wrappers import Response

from local.aws.core.calls import Call

# AWS's own statuses; codes that are not listed are the caller's fault: 400.
_STATUS = {
    "AccessDenied": 403,
    "AuthFailure": 403,
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NotImplemented": 501,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "Unavailable": 503,
    "UnauthorizedOperation": 403,
}


_warnings = threading.Lock()


class _WireError(ServiceException):
    """An error of no service in particular: moto would look for the service in the module that defines the class."""


def status_of(code: str) -> int:
    """Return the HTTP status that AWS sends with an error code."""
    return _STATUS.get(code, 400)


def error_response(call: Call, code: str, message: str, status: int | None = None) -> Response:
    """Build the answer to `call` that carries an AWS error."""
    service = get_service_model(call.service)
    operation = _operation(service, call.operation)
    protocol = determine_request_protocol(service, call.content_type)
    serializer = get_serializer_class(service.service_name, protocol)(operation_model=operation)
    with _warnings, warnings.catch_warnings():  # filters belong to the process: one thread at a time
        warnings.simplefilter("ignore")  # moto warns of codes that a service's model does not list; AWS sends many
        answer = serializer.serialize(_WireError(code, message))
    return Response(answer["body"], status=status or status_of(code), headers=dict(answer["headers"]))


def _operation(service: ServiceModel, name: str) -> OperationModel:
    try:
        model: OperationModel = service.operation_model(name)
    except OperationNotFoundError:
        return OperationModel({}, service)
    return model

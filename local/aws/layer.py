"""The strict layer between the socket and moto: records calls, injects faults, and shuts moto's lenient side doors."""

import json
import time
from collections.abc import Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from local.aws.billing import price_list
from local.aws.control import Control
from local.aws.core.calls import UNKNOWN, Call, CallLog, buffered_body, identify
from local.aws.core.clock import Clock, system_clock
from local.aws.core.loopback import WsgiApp
from local.aws.core.wire import error_response
from local.aws.faults import FaultBox


class StrictLayer:
    """A WSGI app around moto's."""

    def __init__(self, moto: WsgiApp, control: Control, faults: FaultBox, calls: CallLog, clock: Clock = system_clock):
        """Wrap moto's app."""
        self._moto, self._control, self._faults, self._calls, self._clock = moto, control, faults, calls, clock

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path.startswith("/_tl/"):
            return self._control.respond(Request(environ))(environ, start_response)
        if path.startswith("/latest/"):  # moto would hand credentials to anybody, without an IMDSv2 token
            body = json.dumps({"error": "not_found", "detail": "instance metadata has a port of its own"})
            return Response(body, status=404, content_type="application/json")(environ, start_response)
        if path.startswith("/moto-api"):
            return self._moto(environ, start_response)
        return self._aws(identify(environ), environ, start_response)

    def _aws(self, call: Call, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        fault = self._faults.take(call)
        if fault and fault.delay_s:
            time.sleep(fault.delay_s)
        if fault and fault.code:
            buffered_body(environ)  # an unread body would break the connection before the client reads the answer
            refusal = error_response(call, fault.code, fault.message, fault.status)
            return self._answered(call, refusal, injected=True)(environ, start_response)

        def recording(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            self._record(call, int(status.split(maxsplit=1)[0]), injected=fault is not None)
            return start_response(status, headers, *rest)

        if call.service == price_list.SERVICE:  # moto has none
            return self._answered(call, price_list.answer(call), injected=False)(environ, start_response)
        try:
            return self._moto(environ, recording)
        except NotImplementedError as error:
            if UNKNOWN in {call.service, call.operation}:  # moto's own 500 would be tried again and again
                body = json.dumps({"__type": "NotImplemented", "message": str(error)})
                refusal = Response(body, status=501, content_type="application/json")
                return self._answered(call, refusal, injected=False)(environ, start_response)
            refusal = error_response(call, "NotImplemented", str(error))
            return self._answered(call, refusal, injected=False)(environ, start_response)

    def _answered(self, call: Call, response: Response, *, injected: bool) -> Response:
        self._record(call, response.status_code, injected=injected)
        return response

    def _record(self, call: Call, status: int, *, injected: bool) -> None:
        self._calls.add(call, time=self._clock().isoformat(timespec="milliseconds"), status=status, injected=injected)

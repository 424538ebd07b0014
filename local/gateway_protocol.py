"""HTTP on the wire, where uvicorn takes more than API Gateway does or answers in other words than ours."""

import json
import secrets
import sys

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local.gateway_event import Outgoing

_HEAD = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"


class StrictHttp(HttpToolsProtocol):
    """uvicorn's protocol, with refusals as our contract has them and without trailers."""

    def on_headers_complete(self) -> None:
        """Begin the request, which has one host; what comes in trailers from now on is no header of it.

        The parser reports both alike, so an `Authorization` behind the body would count, which nobody in front of us
        has seen (RFC 9110, 6.5.1).
        """
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            raise ValueError("RFC 9112, 3.2: one Host")  # the parser makes a refusal of it
        super().on_headers_complete()
        self.headers = []  # the request has its own

    def send_400_response(self, _msg: str) -> None:
        """Refuse what is no HTTP: there is no request, but an answer and its record like any other's."""
        request_id = secrets.token_hex(8)
        body = Outgoing.error(400, "bad_request").body
        head = f"{_HEAD}x-request-id: {request_id}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()
        record = {"log": "access", "requestId": request_id, "ip": (self.client or ("", 0))[0], "route": "-"}
        sys.stdout.write(json.dumps({**record, "status": 400}) + "\n")

"""A WSGI app on a port of 127.0.0.1, served by a thread."""

import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import WSGIRequestHandler, make_server

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
_POLL_S = 0.05  # how soon the server notices that it shall end


class PortInUseError(Exception):
    """The port cannot be had; the text says which and what to do."""


class Loopback:
    """Serves `app` while the context lasts; port 0 takes a free one. Raises PortInUseError on entering."""

    def __init__(
        self,
        app: WsgiApp,
        port: int = 0,
        *,
        handler: type[WSGIRequestHandler] = WSGIRequestHandler,
        verbose: bool = False,
    ) -> None:
        """Prepare; nothing listens before the context is entered."""
        self._app, self._port = app, port
        # A class of its own for each server: werkzeug writes to it. Quiet: no line on stderr for each request.
        quiet = {} if verbose else {"log_request": lambda *_: None}
        self._handler = type("Handler", (handler,), quiet)

    def __enter__(self) -> Self:
        """Listen, and serve from a thread."""
        try:
            listener = socket.create_server(("127.0.0.1", self._port))
        except OSError as error:
            raise PortInUseError(
                f"port {self._port} on 127.0.0.1 is not free ({error.strerror}): stop what uses it, "
                "or choose another port (0 takes a free one)"
            ) from error
        with listener:  # the server works on a duplicate
            self._port = listener.getsockname()[1]
            self._server = make_server(
                "127.0.0.1", self._port, self._app, threaded=True, request_handler=self._handler, fd=listener.fileno()
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where the app answers, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

"""A server that breaks every promise Redis makes, one step of a script at a time."""

import socket
import threading
import time
from collections.abc import Callable

Step = Callable[[socket.socket], None]


class Scripted:
    """A server that does the next step of its script for each request, whichever connection it comes on."""

    def __init__(self, *steps: Step | bytes) -> None:
        self._steps: list[Step | bytes] = list(steps)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while request := connection.recv(65_536):
                    self.requests.append(request)
                    step = self._steps.pop(0) if self._steps else b"+OK\r\n"
                    connection.sendall(step) if isinstance(step, bytes) else step(connection)
            except OSError:
                return

    def end(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join()


def breaking_off(answer: bytes) -> Step:
    def step(connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    return step


def silent(_connection: socket.socket) -> None:
    """Says nothing."""


def dripping(connection: socket.socket) -> None:
    connection.sendall(b"$1000000\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.005)

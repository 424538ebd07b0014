#!/usr/bin/env python3
"""An OpenAI-compatible engine that repeats the prompt, a word every 100 ms: slow_engine.py PORT."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PACE_S = 0.1


class Engine(BaseHTTPRequestHandler):
    """Healthy, and slow enough to be caught at work."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Be well."""
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """Repeat the last message."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        words = asked["messages"][-1]["content"].split()
        for word in words:
            self._send({"choices": [{"delta": {"content": f"{word} "}}]})
            time.sleep(_PACE_S)
        self._send({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self._send({"choices": [], "usage": {"prompt_tokens": len(words), "completion_tokens": len(words)}})
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, event: object) -> None:
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Engine).serve_forever()

"""A model server of one's own: says everything louder. ``python shout_service.py PORT``"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One event of the stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "shout-1", "object": "chat.completion.chunk", "created": 0, "model": model}
    return b"data: " + json.dumps(head | {"choices": [choice]}).encode() + b"\n\n"


class Shout(BaseHTTPRequestHandler):
    """POST /v1/chat/completions, streamed and whole."""

    def do_POST(self) -> None:
        """Answer the last message."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        content = asked["messages"][-1]["content"]
        text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        words = text.upper().split(" ")
        if asked.get("stream"):
            self._head("text/event-stream")
            for index, word in enumerate(words):
                self.wfile.write(chunk(asked["model"], {"role": "assistant", "content": " " * (index > 0) + word}))
            self.wfile.write(chunk(asked["model"], {}, "stop") + b"data: [DONE]\n\n")
            return
        message = {"role": "assistant", "content": " ".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        answer = {"id": "shout-1", "object": "chat.completion", "created": 0, "model": asked["model"]}
        self._head("application/json")
        self.wfile.write(json.dumps(answer | {"choices": [choice]}).encode())

    def _head(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shout) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()

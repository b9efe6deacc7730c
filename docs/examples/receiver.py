"""A webhook receiver: verifies each message and acts on it once. Run: SECRET=whsec_… python receiver.py 8080"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

seen: set[str] = set()  # keep it in your database: a message may come more than once


def act(event: dict[str, object]) -> None:
    """Do what was decided; here it is only told."""
    print(event["type"], event.get("data"), flush=True)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            event = Webhook(os.environ["SECRET"]).verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_error(400, "The signature is not ours")
            return
        if self.headers["webhook-id"] not in seen:
            act(event)  # first act, then remember: a crash in between repeats, and loses nothing
            seen.add(self.headers["webhook-id"])
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()

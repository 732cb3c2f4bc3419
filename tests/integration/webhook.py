# SPDX-License-Identifier: MIT
"""A target of events for tests: an HTTP server that keeps what it is sent, and can be away, slow, refuse, or send elsewhere."""
import contextlib
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time
import urllib.parse

from sluicetest import free_port


def is_signed(secret, header, body, seconds=300):
    """How a target verifies: X-Sluice-Signature is t=SECONDS,v1=HEX."""
    fields = dict(part.split("=", 1) for part in header.split(","))
    wanted = hmac.new(secret.encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, fields["v1"]) and abs(time.time() - int(fields["t"])) < seconds


class Webhook:
    """bodies: what was acknowledged, in its order. answer(body): the status, None for none at all, or a URL to redirect to."""

    def __init__(self, answer=None, port=None):
        hook = self
        self.answer = answer or (lambda body: 200)
        self.lock = threading.Lock()
        self.bodies, self.headers, self.seen = [], [], 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with hook.lock:
                    hook.seen += 1
                status = hook.answer(json.loads(body))
                if status is None:
                    self.close_connection = True
                    return
                if isinstance(status, str):
                    self.send_response(307)
                    self.send_header("location", status)
                else:
                    if 200 <= status < 300:
                        with hook.lock:
                            hook.bodies.append(body)
                            hook.headers.append(dict(self.headers.items()))
                    self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *words):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

            def process_request(self, request, address):
                self.open.add(request)
                super().process_request(request, address)

            def shutdown_request(self, request):
                self.open.discard(request)
                super().shutdown_request(request)

            def handle_error(self, request, address):
                pass # a server that was killed

        self.server = Threads(("127.0.0.1", port or free_port()), Handler) # one that is free when it comes back, too
        self.server.open = set()
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        """As when its machine is switched off: open connections end, too."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.server.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def records(self):
        """All records, in the order they came."""
        with self.lock:
            return [record for body in self.bodies for record in json.loads(body).get("Records", [])]

    def tests(self):
        with self.lock:
            return [json.loads(body) for body in self.bodies if b"s3:TestEvent" in body]

    def clear(self):
        with self.lock:
            self.bodies, self.headers = [], []

    def keys(self, name=None):
        return [key_of(record) for record in self.records() if name is None or record["eventName"] == name]


def key_of(record):
    return urllib.parse.unquote_plus(record["s3"]["object"]["key"])

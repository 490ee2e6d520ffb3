"""A small server of the FleetLock protocol: so many slots for each group, held by name."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FleetLock:
    """Listens on an address of this machine until it is closed; `log` has what was asked and answered."""

    def __init__(self, address, slots=1):
        self.slots, self.holders, self.log, self.lock = slots, {}, [], threading.Lock()
        self.most = 0  # how many held a slot of one group at the same time
        self.server = ThreadingHTTPServer((address, 0), type("Handler", (Handler,), {"lock": self}))
        self.url = f"http://{address}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path, group, who):
        """Whether the slot is taken, or given back."""
        with self.lock:
            held = self.holders.setdefault(group, set())
            if path == "/v1/steady-state":
                held.discard(who)
                granted = True
            else:
                granted = who in held or len(held) < self.slots
                if granted:
                    held.add(who)
            self.most = max(self.most, len(held))
            self.log.append((path, who, granted))
            return granted


class Handler(BaseHTTPRequestHandler):
    lock = None

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["client_params"]
        known = self.path in ("/v1/pre-reboot", "/v1/steady-state") and self.headers["fleet-lock-protocol"] == "true"
        granted = known and self.lock.answer(self.path, asked["group"], asked["id"])
        body = b"" if granted else json.dumps({"kind": "failed_lock", "value": "no slot of the group is free"}).encode()
        self.send_response(200 if granted else 409 if known else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Requests are not logged."""

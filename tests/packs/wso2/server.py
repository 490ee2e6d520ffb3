"""What stands for the JVM of a WSO2 server; `java` of the stand-in's JDK runs it. See README.md for its switches.

SIGTERM stops it as the product stops, with 143; SIGUSR2 makes it end with 121, as a restart from the console does.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import bundles
import mapper
from products import PRODUCTS


def properties(arguments):
    """All -D of a command line: those after the main class count too."""
    pairs = (argument[2:].split("=", 1) for argument in arguments if argument.startswith("-D") and "=" in argument)
    return dict(pairs)


class Server:
    def __init__(self, arguments):
        self.props = properties(arguments)
        self.home = Path(self.props["carbon.home"])
        self.switches = {}
        for file in (self.home / "bin/standin.json", self.home / "standin.json"):
            if file.exists():
                self.switches |= json.loads(file.read_text(encoding="utf-8"))
        self.product = PRODUCTS[self.switches["product"]]
        self.ready = threading.Event()
        self.was_asked = False
        self.settings = {}
        self.level = self.update_level()
        self.log_file = self.home / self.product.log
        self.log_file.parent.mkdir(parents=True, exist_ok=True)

    def update_level(self):
        """Read once, as MI does: what it shows is the level of this process, not of the pack."""
        try:
            level = json.loads((self.home / "updates/config.json").read_text(encoding="utf-8"))["update-level"]
        except (OSError, ValueError, KeyError):
            return "-"
        return level if isinstance(level, str) else "-"

    def log(self, level, text):
        with self.log_file.open("a", encoding="utf-8") as out:
            out.write(f"TID: [-1234] [] [{time.strftime('%Y-%m-%d %H:%M:%S')},000] {level:>5} {{org.wso2.standin}} - {text}\n")

    def write_pid(self):
        file = self.home / self.product.pid_file
        if self.product.layout == "carbon" or self.product.layout == "ei":
            file.write_bytes(f"{os.getpid()}\n".encode().ljust(100, b"\0"))
        else:
            file.write_text(str(os.getpid()), encoding="ascii")

    def configure(self):
        layout = self.product.layout
        if layout in ("si", "ei"):
            self.write_pid()
            return
        # MI writes its pid file only after the mapper.
        if layout == "carbon":
            self.write_pid()
        force = self.props.get("forceConfigUpdate") == "true"
        hash_only = self.props.get("avoidConfigHashRead") == "true"
        try:
            self.settings = mapper.run(self.home, self.product.conf, self.log, force, hash_only)
        except mapper.Refused as error:
            self.log("ERROR", f"Error while performing configuration changes: {error}")
            sys.exit(1)
        if layout == "mi":
            self.write_pid()
        self.unlock()

    def unlock(self):
        """The password of the keystore that secrets are encrypted with; without a file it is asked for."""
        if "secrets" not in self.settings:
            return
        once, always = self.home / "password-tmp", self.home / "password-persist"
        if once.exists():
            once.unlink()
        elif not always.exists():
            wait_for_ever()

    def offset(self):
        if "portOffset" in self.props:
            return int(self.props["portOffset"])
        if self.product.layout in ("si", "ei"):
            text = (self.home / self.product.settings).read_text(encoding="utf-8").lower()
            digits = text.split("offset", 1)[1].lstrip(":> ")
            return int(digits[: next(i for i, c in enumerate(digits) if not c.isdigit())])
        default = 10 if self.product.layout == "mi" else 0
        return self.settings.get("server", {}).get("offset", default)

    def run(self):
        began = time.monotonic()
        if self.product.layout != "si":
            self.log("INFO", "Starting WSO2 Carbon...")
            self.log("INFO", f"Carbon Home      : {self.home}")
        self.configure()
        if self.product.layout == "si":
            bundles.list_lib(self.home, self.product)
        twice = bundles.prepare(self.home, self.product) if self.product.components else []
        self.listen()
        if twice or self.switches.get("never_ready"):
            self.log("WARN", "Waiting for required OSGi services: org.wso2.carbon.user.core.service.RealmService " + " ".join(twice))
            wait_for_ever()
        time.sleep(self.switches.get("start_delay", 0))
        self.log("INFO", f"Server           :  {self.product.title}-{self.product.version}")
        seconds = time.monotonic() - began
        self.log("INFO", {
            "mi": f"WSO2 Micro Integrator started in {seconds:.2f} seconds",
            "si": f"WSO2 Streaming Integrator started in {seconds:.3f} sec",
        }.get(self.product.layout, f"WSO2 Carbon started in {int(seconds)} sec"))
        if self.switches.get("crash") == "when-ready":
            os._exit(1)
        self.ready.set()
        wait_for_ever()

    def listen(self):
        import ssl  # slow to load, so only here

        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        jdk = Path(os.environ["STANDIN_JDK"])
        secure.load_cert_chain(jdk / "ca.pem", jdk / "key.pem")
        for role, port in self.product.ports.items():
            port += self.offset()
            if role in ("https", "http", "internal"):
                server = WebServer(("127.0.0.1", port), handler_of(self))
                if role == "https":
                    server.socket = secure.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
                threading.Thread(target=server.serve_forever, daemon=True).start()
            else:
                listener = socket.create_server(("127.0.0.1", port))
                threading.Thread(target=accept_for_ever, args=(listener,), daemon=True).start()

    def answer(self, path):
        """Status, content type and body for a path."""
        name = self.product.name
        if path == "/services/Version" and name not in ("wso2is",) and self.product.layout != "mi":
            return self.when_ready(200, "text/xml", f"<return>{self.product.title}-{self.product.version}</return>")
        if path == "/api/am/gateway/v2/server-startup-healthcheck" and "gateway-http" in self.product.ports:
            return self.when_ready(200, "text/plain", "")
        if path == "/api/health-check/v1.0/health" and name == "wso2is":
            if not self.settings.get("carbon_health_check", {}).get("enable"):
                return 200, "application/json", ""
            if self.switches.get("sick"):
                return 503, "application/json", '{"errors":[{"code":"HC_00001"}]}'
            return self.when_ready(200, "application/json", '{"health":[{"key":"oom","value":"ok"}]}')
        if path == "/oauth2/token/.well-known/openid-configuration" and name == "wso2is":
            return self.when_ready(200, "application/json", '{"issuer":"https://localhost/oauth2/token"}')
        if path == "/healthz" and self.product.layout == "mi":
            if self.switches.get("faulty_capp"):
                return 500, "application/json", '{"status":"not ready","Faulty CAPPs":["Orders_1.0.0"]}'
            health = {"version": self.product.version, "status": "ready"}
            if self.product.version >= "4.1":
                health["update_level"] = self.level
            return self.when_ready(200, "application/json", json.dumps(health))
        if path == "/liveness" and self.product.layout == "mi" and self.product.version >= "4.2":
            return 200, "application/json", '{"server" : "started"}'
        return 404, "text/plain", ""

    def when_ready(self, *answer):
        self.was_asked |= self.ready.is_set()
        return answer if self.ready.is_set() else (404, "text/plain", "")

    def stop(self, *_):
        """In a thread of its own in the product; whoever waits for the end sees the same."""
        if self.switches.get("ignore_term"):
            return
        self.log("INFO", "Shutdown hook triggered....")
        time.sleep(self.switches.get("stop_delay", 0))
        self.log("INFO", "Shutdown complete")
        self.log("INFO", "Halting JVM")
        os._exit(143)


class WebServer(ThreadingHTTPServer):
    """Without looking up the host's name, which can take long."""

    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address

    def handle_error(self, request, client_address):
        """Clients that go away are no news."""


def handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, kind, body = server.answer(self.path)
            crashes = server.was_asked and server.switches.get("crash") == "when-asked"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if not crashes:  # else the answer ends with the process, so that whoever has it whole meets a dead server
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())
            self.wfile.flush()
            if crashes:
                os._exit(1)

        def log_message(self, *_):
            """The product's own log has none of these."""

    return Handler


def accept_for_ever(listener):
    while True:
        listener.accept()[0].close()


def wait_for_ever():
    while True:
        signal.pause()


def diagnose(props):
    """The second process: it logs into the pack until its wrapper ends it."""
    home = Path(props["app.home"])
    (home / "logs").mkdir(parents=True, exist_ok=True)
    with (home / "logs/diagnostics.log").open("a", encoding="utf-8") as out:
        out.write("runtime-diagnostics started\n")
        out.flush()
        wait_for_ever()


def install_jars(props):
    """The tool that the start script of the Streaming Integrator calls: what is in `jars` becomes bundles in `lib`."""
    home = Path(props["carbon.home"])
    for jar in sorted((home / "jars").glob("*.jar")):
        (home / "lib" / jar.name).write_bytes(jar.read_bytes())
    sys.exit(0)


def main():
    arguments = sys.argv[1:]
    if properties(arguments).get("wso2.carbon.tool") == "install-jars":
        install_jars(properties(arguments))
    if "org.wso2.diagnostics.DiagnosticsApp" in arguments:
        diagnose(properties(arguments))
    server = Server(arguments)
    signal.signal(signal.SIGTERM, server.stop)
    signal.signal(signal.SIGUSR2, lambda *_: os._exit(121))
    server.run()


if __name__ == "__main__":
    main()

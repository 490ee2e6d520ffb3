#!/usr/bin/env python3
"""A small HTTP server that behaves like the ones that ship as packs: it reads its configuration, writes its state,
its log and one generated file into its own tree, needs a moment until it is ready and another one to stop."""

import argparse
import json
import os
import signal
import sqlite3
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def properties(path):
    """`key=value` lines; `#` starts a comment line."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def flat_yaml(path):
    """The two-level mappings that `app.yaml` consists of, as `section.key`."""
    values, section = {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("#", 1)[0].rstrip()
        if not text:
            continue
        key, _, value = text.strip().partition(":")
        if text.startswith(" "):
            values[f"{section}.{key}"] = value.strip().strip('"')
        else:
            section = key
    return values


class Server:
    def __init__(self, home):
        self.home = home
        for folder in ("data", "logs"):
            (home / folder).mkdir(exist_ok=True)
        self.level = (home / "VERSION").read_text(encoding="utf-8").split()[-1]
        self.settings = properties(home / "conf/server.properties")
        self.app = flat_yaml(home / "conf/app.yaml")
        properties(home / "conf/credentials.properties")
        self.ready_at = time.monotonic() + int(self.settings["server.warm-up-ms"]) / 1000
        self.started = time.monotonic()
        self.lock = threading.Lock()
        self.logged_ready = False

    def log(self, text):
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n"
        with self.lock, open(self.home / "logs/server.log", "a", encoding="utf-8") as log:
            log.write(line)

    def load_library(self):
        """As a class loader would: every jar must open, and the core must be of this level."""
        for jar in sorted((self.home / "lib").glob("**/*.jar")):
            with zipfile.ZipFile(jar) as opened:
                opened.testzip()
        with zipfile.ZipFile(self.home / "lib/core.jar") as core:
            manifest = core.read("META-INF/MANIFEST.MF").decode()
            if "demo/SessionStore.class" not in core.namelist():
                self.log("FATAL class demo.SessionStore not found")
                sys.exit("class demo.SessionStore not found")
        if f"Implementation-Version: {self.level}\n" not in manifest:
            sys.exit(f"lib/core.jar is not of level {self.level}")

    def write_generated(self):
        """What a configuration mapper does at each start."""
        text = json.dumps({"level": self.level, **self.settings, **self.app}, indent=1, sort_keys=True)
        target = self.home / "conf/generated.json"
        target.with_suffix(".tmp").write_text(text + "\n", encoding="utf-8")
        target.with_suffix(".tmp").replace(target)

    def database(self):
        database = sqlite3.connect(self.home / "data/server.db")
        database.execute("create table if not exists starts (at text, level text)")
        return database

    def record_start(self):
        database = self.database()
        with database:
            database.execute("insert into starts values (datetime('now'), ?)", (self.level,))
        database.close()

    def starts(self):
        database = self.database()
        count = database.execute("select count(*) from starts").fetchone()[0]
        database.close()
        return count

    def health(self):
        ready = time.monotonic() >= self.ready_at
        if ready and not self.logged_ready:
            self.logged_ready = True
            self.log(f"INFO demo server {self.level} is ready")
        return {
            "status": "ready" if ready else "starting",
            "level": self.level,
            "starts": self.starts(),
            "uptime_s": round(time.monotonic() - self.started, 1),
        }

    def page(self):
        text = (self.home / "webapps/console/index.html").read_text(encoding="utf-8")
        return text.replace("@level@", self.level).replace("@greeting@", self.app["page.greeting"])

    def serve(self):
        handler = type("Handler", (Handler,), {"server_state": self})
        address = (self.settings["server.bind"], int(self.settings["server.port"]))
        httpd = ThreadingHTTPServer(address, handler)

        def stop(*_):
            self.log("INFO stopping")
            threading.Thread(target=httpd.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        self.record_start()
        self.log(f"INFO demo server {self.level} started on port {address[1]}, pid {os.getpid()}")
        httpd.serve_forever(poll_interval=0.05)
        httpd.server_close()
        time.sleep(int(self.settings["server.drain-ms"]) / 1000)
        self.log("INFO stopped")


class Handler(BaseHTTPRequestHandler):
    server_state = None

    def do_GET(self):
        state = self.server_state
        if self.path == "/health":
            health = state.health()
            status = 200 if health["status"] == "ready" else 503
            self.answer(status, "application/json", json.dumps(health))
        elif self.path == "/":
            self.answer(200, "text/html; charset=utf-8", state.page())
        elif self.path == "/about.html":
            about = state.home / "webapps/console/about.html"
            self.answer(200, "text/html; charset=utf-8", about.read_text(encoding="utf-8"))
        else:
            self.answer(404, "text/plain", "not found\n")

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Requests are not logged."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    server = Server(parser.parse_args().home)
    server.load_library()
    server.write_generated()
    server.serve()


main()

"""Takes credentials, names of people and hosts, and private paths out of what record.py writes.

Two nets: what is known to be secret is replaced in every spelling it may have; what looks secret is replaced by its
shape. At the end `leaks` looks for the known secrets again, and nothing is written if it finds one.
"""

from __future__ import annotations

import base64
import json
import re
import socket
from typing import Any, Mapping, Optional
from urllib.parse import quote, quote_plus, unquote, urlsplit

SECRET_NAME = re.compile(r"pass|token|secret|credential|auth|api.?key|private", re.I)
PERSON_NAME = re.compile(r"user|mail|login|account", re.I)
PROXY_NAME = re.compile(r"^(https?|all|ftp)_proxy$", re.I)
PLAIN = {"root", "true", "false", "localhost", "none", "full"}  # replacing these would only blur the record
LABEL = re.compile(r"<[a-z-]+>")
SHAPES = [
    (re.compile(r"eyJ[\w-]+\.[\w-]+(\.[\w-]*)?"), "<token>"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 <token>"),
    (re.compile(r"(?i)\b([\w-]*(?:passw(?:or)?d|token|secret|authorization)[\"']?\s*[:=]\s*[\"']?)(?!<)[^\s\"',}]+"), r"\1<secret>"),
    (re.compile(r"\b((?i:password|token|secret)\s+)(?=\S*[\dA-Z])[^\s<]{6,}"), r"\1<secret>"),
    (re.compile(r"(://)[^/\s@]+@"), r"\1<secret>@"),
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "<mail>"),
    (re.compile(r"(?i)(https?://)(?!<)(?![\w.-]*\bwso2\.com\b)[\w.-]+(:\d+)?"), r"\1<host>"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}:\d+\b"), "<host>"),
    (re.compile(r"(/home/|/Users/)[^/\s\"':]+"), r"\1<user>"),
    (re.compile(r"(?<![\w/])/root(?=[/\s\"':]|$)"), "<user-home>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b[A-Za-z0-9+_=-]{40,}\b"), "<opaque>"),
]


def spellings(secret: str) -> set[str]:
    """How a text may turn up in outputs: as it is, quoted for URLs, JSON and shells, in base64 and hex."""
    raw = secret.encode()
    found = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), unquote(secret),
             json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
             secret.replace("$", r"\$"), secret.replace("'", r"'\''")}
    if len(raw) > 3:
        found |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("="), raw.hex()}
    return {one for one in found if one}


class Scrubber:
    """Knows the secrets of a run; more may be learnt until the record is written."""

    def __init__(self, environment: Mapping[str, str], places: Mapping[str, str], login: str = ""):
        self._labels: dict[str, str] = {}
        self._pattern: Optional[re.Pattern] = None
        user, password = environment.get("UPDATE_TOOL_USERNAME", ""), environment.get("UPDATE_TOOL_PASSWORD", "")
        self.learn(password, "<secret>")
        self.learn(f"{user}:{password}" if user else "", "<secret>")
        self.learn_person(user)
        self.learn(login, "<user>")
        for name, value in environment.items():
            if PROXY_NAME.match(name):
                self._learn_url(value)
            elif SECRET_NAME.search(name):
                self.learn(value, "<secret>")
        for host in {socket.gethostname(), socket.gethostname().partition(".")[0], environment.get("HOSTNAME", "")}:
            self.learn(host, "<host>")
        for path, label in places.items():
            self.learn(path.rstrip("/"), label)

    def learn(self, secret: str, label: str) -> None:
        if secret and secret.lower() not in PLAIN:
            self._pattern = None
            for one in spellings(secret):
                self._labels.setdefault(one, label)

    def learn_person(self, name: str) -> None:
        self.learn(name, "<user>")
        self.learn(name.partition("@")[0], "<user>")
        self.learn(name.partition("@")[2], "<host>")

    def _learn_url(self, url: str) -> None:
        parts = urlsplit(url if "//" in url else f"//{url}")
        self.learn(parts.password or "", "<secret>")
        self.learn(parts.username or "", "<user>")
        self.learn(parts.hostname or "", "<host>")

    def learn_config(self, keys: Any, name: str = "") -> None:
        """Tokens and account names that a tool left in config.json."""
        if isinstance(keys, dict):
            for key, value in keys.items():
                self.learn_config(value, key)
        elif isinstance(keys, list):
            for value in keys:
                self.learn_config(value, name)
        elif isinstance(keys, str) and SECRET_NAME.search(name):
            self.learn(keys, "<secret>")
        elif isinstance(keys, str) and PERSON_NAME.search(name):
            self.learn_person(keys)

    def text(self, text: str) -> str:
        """One pass over the known secrets, so that no label is taken for a secret, then the shapes."""
        known = {secret.lower(): label for secret, label in self._labels.items()}
        text = self._any().sub(lambda found: known[found[0].lower()], text)
        for shape, label in SHAPES:
            text = shape.sub(label, text)
        return text

    def _any(self) -> re.Pattern:
        """All spellings, the longest first. A short name of a person or host only counts as a word, a secret everywhere."""
        if self._pattern is not None:
            return self._pattern
        patterns = []
        for secret in sorted(self._labels, key=len, reverse=True):
            word = self._labels[secret] in ("<user>", "<host>") and len(secret) < 6
            patterns.append(rf"(?<!\w){re.escape(secret)}(?!\w)" if word else re.escape(secret))
        self._pattern = re.compile("|".join(patterns) or r"(?!)", re.I)
        return self._pattern

    def value(self, value: Any) -> Any:
        """Every text of a structure, its keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(one) for one in value]
        return value

    def leaks(self, text: str) -> list[str]:
        """The labels of known secrets that are still there."""
        known = {secret.lower(): label for secret, label in self._labels.items()}
        return sorted({known[found.lower()] for found in self._any().findall(LABEL.sub("", text))})

"""A client that asks a server all the time and notes when it did not answer."""

import http.client
import threading
import time
import urllib.error
import urllib.request


class Client:
    """Asks every 20 ms from `start` to `stop`."""

    def __init__(self, url, level_in):
        self.url, self.level_in = url, level_in
        self.answers = []  # (when the answer was there, level or None)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def ask(self):
        try:
            # A request that is cut off ends at once: this is for a busy machine, whose late answer is one.
            with urllib.request.urlopen(self.url, timeout=15) as answer:
                return self.level_in(answer.read())
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return None

    def run(self):
        while not self.done.is_set():
            level = self.ask()
            self.answers.append((time.monotonic(), level))
            self.done.wait(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def outages(self):
        """Seconds from the last answer before to the first one after, for each time that answers stayed away."""
        found, last, lost = [], None, False
        for at, level in self.answers:
            if level is None:
                lost = True
                continue
            if lost and last is not None:
                found.append(at - last)
            last, lost = at, False
        if lost:
            found.append(float("inf"))
        return found

    def levels(self):
        """The levels that answered, in order, each once per stretch."""
        seen = []
        for _, level in self.answers:
            if level is not None and (not seen or seen[-1] != level):
                seen.append(level)
        return seen

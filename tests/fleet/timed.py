"""Scenarios that say how long they took."""

import sys
import time
import unittest


def note(text):
    """Says a figure beside the names of the scenarios."""
    print(f"     {text}", file=sys.stderr, flush=True)


class Timed(unittest.TestCase):
    def run(self, result=None):
        began = time.monotonic()
        super().run(result)
        note(f"took {time.monotonic() - began:.1f} s")

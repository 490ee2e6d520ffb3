#!/usr/bin/env python3
"""Runs all tests of the stand-in; a name or pattern of a module runs that alone: test.py test_cli.py"""

import sys
import unittest
import warnings
from pathlib import Path

# The tests fork on purpose, and only from one thread.
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
suite = unittest.defaultTestLoader.discover(str(Path(__file__).resolve().parent), sys.argv[1] if len(sys.argv) > 1 else "test_*.py")
result = unittest.TextTestRunner(warnings="default").run(suite)
sys.exit(not (result.testsRun and result.wasSuccessful()))

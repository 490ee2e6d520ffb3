"""Stands in for the get-pip script that ansible-test would download: takes pip from Python's own ensurepip."""

import subprocess
import sys

# A process of its own: ensurepip changes pip's settings in the environment that it runs in.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--upgrade"], stdout=subprocess.DEVNULL)
# ansible-test passes options of get-pip that pip does not have.
requirements = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-q"] + requirements))

"""The entry point of the bundled executable."""

import sys

from standin.cli import main

sys.exit(main(sys.argv))

"""`python -m SegRLEExportLib`: the same as the command `segrle`."""

import sys

from SegRLEExportLib.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""Runs the tests of this folder in a Slicer that was started with this file as its --python-script.

    Slicer --testing --no-splash --additional-module-paths .../SegRLEExport --python-script .../Testing/application/run.py

Words after it select tests by a part of their name. Slicer ends with 0 if all passed.
"""

import sys
import unittest
from pathlib import Path

import slicer

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))


def main() -> int:
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{word}*" for word in sys.argv[1:]] or None
    suite = unittest.TestSuite(
        loader.loadTestsFromName(path.stem) for path in sorted(FOLDER.glob("SegRLEExport*Test.py"))
    )
    return 0 if unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite).wasSuccessful() else 1


slicer.util.exit(main())

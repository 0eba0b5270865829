"""Runs the tests of this folder in a Slicer that was started with this file as its --python-script.

    cd Testing/application
    Slicer --testing --no-splash --additional-module-paths ../../SegRLEExport --python-script run.py

Words after it select tests by a part of their name. Slicer ends with 0 if all passed. The environment variable
SEGRLE_DCMQI names dcmqi's segimage2itkimage, where it is not on the path.
"""

import os
import sys
import tempfile
import unittest
from pathlib import Path

import slicer

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))


def main() -> int:
    """Run the tests in a folder of their own: a Slicer without a DICOM database makes one where it stands."""
    os.chdir(tempfile.mkdtemp())
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{word}*" for word in sys.argv[1:]] or None
    suite = unittest.TestSuite(
        loader.loadTestsFromName(path.stem) for path in sorted(FOLDER.glob("SegRLEExport*Test.py"))
    )
    return 0 if unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite).wasSuccessful() else 1


slicer.util.exit(main())

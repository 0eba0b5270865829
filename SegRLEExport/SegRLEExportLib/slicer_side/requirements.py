"""Whether this Slicer's Python has what an export needs: tested by capability, not by Slicer's version.

Slicer 5.12 and newer have it. Nothing of pydicom is imported before this was asked.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from SegRLEExportLib.errors import MissingLibraryError

OLDEST_PYDICOM = (3, 0)

REQUIREMENTS_FILE = Path(__file__).parents[2] / "Resources" / "requirements.txt"


def is_satisfied() -> bool:
    """Tell whether pydicom is there and new enough."""
    try:
        numbers = version("pydicom").split(".")[:2]
    except PackageNotFoundError:
        return False
    return tuple(int(number) for number in numbers) >= OLDEST_PYDICOM


def refuse_unsatisfied() -> None:
    """Raise `MissingLibraryError` if the export could not work."""
    if not is_satisfied():
        raise MissingLibraryError(
            "pydicom 3",
            "write DICOM files",
            "Use 3D Slicer 5.12 or newer, which brings it; older versions share pydicom 2 among their extensions.",
        )


def ensure() -> None:
    """Offer to install what is missing where Slicer can do so safely; raise `MissingLibraryError` where it cannot."""
    if not is_satisfied():
        _offer_installation()
    refuse_unsatisfied()


def _offer_installation() -> None:
    try:
        from slicer import packaging
    except ImportError:
        return
    packaging.pip_ensure(packaging.load_requirements(REQUIREMENTS_FILE), requester="SegRLEExport")

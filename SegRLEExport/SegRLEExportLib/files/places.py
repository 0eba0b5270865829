"""What is to be said of where a file puts its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from SegRLEExportLib.files.volume import Volumes
from SegRLEExportLib.model.finding import Finding, Severity

NO_CODES = "its sform_code and qform_code are 0"
"""How a NIfTI says that it says nothing, as a clause."""

_SAME_PLACE_VOXELS = 0.1
"""What a file's two statements of its places may differ by, for the digits of their numbers."""


def place_findings(volumes: Volumes, path: Path) -> Iterator[Finding]:
    """Tell where a file says nothing of its places, or two things: programs differ in which they believe."""
    if not volumes.has_place:
        yield Finding(
            "no-place",
            Severity.ERROR,
            f"The file does not say where its voxels lie: {NO_CODES}.",
            where=path.name,
            help="Save it with the place of the image that was segmented (its affine, as nibabel calls it).",
        )
    if volumes.other_place_mm > _SAME_PLACE_VOXELS * min(volumes.geometry.spacing_mm):
        yield Finding(
            "two-places",
            Severity.WARNING,
            f"The file states two places for its voxels (sform and qform), up to {volumes.other_place_mm:.3g} mm "
            "apart; that of the sform is taken.",
            where=path.name,
            help="Compare with the program that made the file: ITK-SNAP and 3D Slicer may show it elsewhere.",
        )

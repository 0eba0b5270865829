"""What is to be said of where a file puts its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from SegRLEExportLib.files.volume import Volumes
from SegRLEExportLib.model.finding import Finding, Severity

_SAME_PLACE_VOXELS = 0.1
"""What a file's two statements of its places may differ by, for the digits of their numbers."""


def place_findings(volumes: Volumes, path: Path) -> Iterator[Finding]:
    """Tell where a file says two things of its places: programs differ in which they believe."""
    if volumes.other_place_mm > _SAME_PLACE_VOXELS * min(volumes.geometry.spacing_mm):
        yield Finding(
            "two-places",
            Severity.WARNING,
            f"The file states two places for its voxels (sform and qform), up to {volumes.other_place_mm:.3g} mm "
            "apart; that of the sform is taken.",
            where=path.name,
            help="Compare with the program that made the file: ITK-SNAP and 3D Slicer may show it elsewhere.",
        )

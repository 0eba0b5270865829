"""The part of planes that a layer covers: of one plane, or of neighbours together. Knows arrays only."""

from __future__ import annotations

from dataclasses import dataclass

from SegRLEExportLib.model.segmentation import Labels


@dataclass(frozen=True)
class Region:
    """The part of one plane that a layer covers; the layer is 0 outside it."""

    labels: Labels
    """(rows, columns) of the region; a view of the layer where pixels and voxels keep step."""
    first_row: int
    first_column: int


@dataclass(frozen=True)
class Slab:
    """The part of neighbouring planes that a layer covers; the layer is 0 outside it."""

    labels: Labels
    """(planes, rows, columns), as those of a `Region`."""
    first_row: int
    first_column: int

    def __len__(self) -> int:
        return len(self.labels)

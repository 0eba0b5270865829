"""The segmentation's own grid: its planes, what stands against writing them, and when that is the advice to give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions, Grid


class Keeping(NamedTuple):
    """What helps where voxels do not lie on the images, in the three ways that sentences need it."""

    in_place: str
    """A sentence: how every voxel keeps its place."""
    or_so: str
    """What goes on with other choices; empty if there is no more."""
    instead: str
    """What to do instead, a clause."""


ON_OWN_GRID = Keeping(
    f"To keep every voxel in its place, {Remedy.OWN_GRID}.", f", or {Remedy.OWN_GRID}", Remedy.OWN_GRID.value
)
_SHEARED = Keeping(
    "Rows and columns of its grid are not perpendicular, and those of a DICOM image are: look at what is written, or "
    "resample the segmentation (in 3D Slicer) first.",
    "",
    "resample the segmentation onto them (in 3D Slicer)",
)
_OF_SEVERAL_GRIDS = Keeping(
    f"Its segments lie on different grids: {Remedy.FEWER_SEGMENTS}.", "", Remedy.FEWER_SEGMENTS.value
)


def keeping(segmentation: Segmentation, options: ExportOptions) -> Keeping:
    """Return what helps to keep voxels in their places: the own grid, unless it was chosen or cannot be written."""
    if options.grid is Grid.SEGMENTATION:
        return _OF_SEVERAL_GRIDS
    return _SHEARED if own_planes_if_any(segmentation) is None else ON_OWN_GRID


def own_planes(segmentation: Segmentation) -> PlaneStack:
    """Return the planes of the grid of the segmentation's first layer, as many and as wide as all layers need.

    Raises `ValueError` if its rows and columns are not perpendicular.
    """
    used = sorted({segment.layer_index for segment in segmentation.segments})
    first, *others = (segmentation.layers[layer_index].geometry for layer_index in used)
    return PlaneStack.of_geometry(first.extended_over(others))


def own_planes_if_any(segmentation: Segmentation) -> PlaneStack | None:
    """Return `own_planes`, or None where there are none."""
    try:
        return own_planes(segmentation)
    except ValueError:
        return None


def grid_errors(segmentation: Segmentation, source: SourceSeries) -> Iterator[Finding]:
    """Tell why frames cannot lie on the segmentation's own grid."""
    if not source.stack.has_place:
        yield Finding(
            "own-grid-without-place",
            Severity.ERROR,
            "The images have no place in the patient, so a grid of its own would lie nowhere.",
            where=segmentation.name,
            help=Remedy.IMAGES_GRID.value,
        )
    try:
        own_planes(segmentation)
    except ValueError as error:
        yield Finding(
            "grid-not-perpendicular",
            Severity.ERROR,
            f"Its own grid cannot be written: {error}.",
            where=segmentation.name,
            help=Remedy.IMAGES_GRID.value,
        )

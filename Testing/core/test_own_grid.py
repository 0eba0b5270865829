"""The segmentation's own grid is advised where it helps: never in a circle, and never as the fault of the images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import A_GRID, a_segmentation, a_source, fixed_options, two_overlapping_boxes
from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.finding import Finding
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Layer, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import Grid
from SegRLEExportLib.preflight.own_grid import keeping

K, J, I = range(3)  # noqa: E741 - the axes of voxels


def a_grid_with(*shears: tuple[int, int, float], moved_mm: float = 0.0) -> Geometry:
    """Return `A_GRID` with the axis of voxels leaning by millimetres a step along a direction, x, y or z."""
    to_lps = A_GRID.kji_to_lps.copy()
    for axis, direction, millimetres in shears:
        to_lps[direction, axis] += millimetres
    to_lps[0, 3] += moved_mm
    return Geometry(A_GRID.shape_kji, to_lps)


def on(grid: Geometry) -> Segmentation:
    box = np.zeros(grid.shape_kji, bool)
    box[2:8, 3:6, 2:5] = True
    return a_segmentation([box], grid=grid)


def found(segmentation: Segmentation, folder, source: SourceSeries | None = None, **options) -> dict[str, Finding]:
    try:
        report = export(segmentation, source or a_source(), folder, options=fixed_options(**options))
    except PreflightError as error:
        return {finding.id: finding for finding in error.findings}
    return {finding.id: finding for finding in report.findings}


ROWS_LEAN = a_grid_with((J, 0, 0.2))
SLICES_LEAN = a_grid_with((K, 0, 0.3))


class TestRowsAndColumnsThatAreNotPerpendicular:
    def test_have_no_own_grid_to_be_advised(self, tmp_path):
        told = found(on(ROWS_LEAN), tmp_path)["resampled"]

        assert told.help == (
            "Rows and columns of its grid are not perpendicular, and those of a DICOM image are: look at what is "
            "written, or resample the segmentation (in 3D Slicer) first."
        )

    def test_beyond_the_images_neither(self, tmp_path):
        told = found(on(a_grid_with((J, 0, 0.2), moved_mm=2.1)), tmp_path)["outside-source"]

        assert told.help == f"{Remedy.CHOOSE_SERIES}, or {Remedy.LEAVE_OUT}."

    @pytest.mark.parametrize("lean_mm", [0, 0.00005, 0.0001, 0.0002, 0.001, 0.01, 0.1])
    @pytest.mark.parametrize("moved_mm", [0.1, 1.0, 2.1])
    def test_are_the_only_ones_whose_own_grid_is_refused_where_it_is_advised(self, lean_mm, moved_mm, tmp_path):
        segmentation = on(a_grid_with((J, 0, lean_mm), moved_mm=moved_mm))
        told = found(segmentation, tmp_path / "images").values()
        own = found(segmentation, tmp_path / "own", grid=Grid.SEGMENTATION)

        assert any(Remedy.OWN_GRID in finding.help for finding in told) == ("grid-not-perpendicular" not in own)


class TestSlicesThatAreShifted:
    def test_are_of_the_grid_where_it_was_chosen(self, tmp_path):
        told = found(on(SLICES_LEAN), tmp_path, grid=Grid.SEGMENTATION)["uneven-planes"]

        assert told.what == (
            "The slices of the segmentation's grid are shifted sideways by up to 1.5 mm (it is sheared): 3D Slicer's "
            "loader (dcmqi) misplaces or loses planes or refuses the file and highdicom's get_volume refuses the file."
        )
        assert told.help == "To open it there, resample the segmentation to a grid of right angles (in 3D Slicer)."

    def test_like_the_images_open_no_better_than_these(self, tmp_path):
        source = a_source(SLICES_LEAN)

        told = found(on(SLICES_LEAN), tmp_path, source)["uneven-planes"]

        assert told.what.startswith("The images are shifted sideways by up to 1.5 mm (a tilted gantry): ")
        assert told.help == (
            "The grid of the segmentation is sheared, and does not open there either: resample it to one of right "
            f"angles (in 3D Slicer), and {Remedy.OWN_GRID}."
        )

    def test_a_little_over_little_are_told_as_that(self, tmp_path):
        grid = a_grid_with((K, 0, 0.15))
        masks = np.zeros(grid.shape_kji, bool)
        masks[2:4, 3:6, 2:5] = True

        told = found(a_segmentation([masks], grid=grid), tmp_path, grid=Grid.SEGMENTATION)["uneven-planes"]

        assert "are shifted sideways by up to 0.15 mm (it is sheared): highdicom's get_volume refuses" in told.what


def test_layers_of_different_grids_are_to_be_exported_apart(tmp_path):
    one, other = two_overlapping_boxes()
    segmentation = a_segmentation([one, other])
    moved = Layer(segmentation.layers[1].labels_kji, a_grid_with(moved_mm=0.2))
    segmentation = replace(segmentation, layers=(segmentation.layers[0], moved))

    told = found(segmentation, tmp_path, grid=Grid.SEGMENTATION)["shifted"]

    assert told.help == f"Its segments lie on different grids: {Remedy.FEWER_SEGMENTS}."


def test_slices_that_may_be_a_copy_are_resampled_where_their_grid_cannot_be_written():
    assert keeping(on(ROWS_LEAN), fixed_options()).instead == "resample the segmentation onto them (in 3D Slicer)"
    assert keeping(on(SLICES_LEAN), fixed_options()).instead == Remedy.OWN_GRID

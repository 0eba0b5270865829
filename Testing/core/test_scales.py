"""Whatever the scale, from nanometres to metres: images are told apart, and each carries what lies on it."""

from __future__ import annotations

from dataclasses import replace

import highdicom
import numpy as np
import pytest
from builders import LIVER, a_grid, a_source, fixed_options
from image_builders import an_image, write
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.options import Grid
from SegRLEExportLib.source.series import read_series
from SegRLEExportLib.verification.comparison import compare
from SegRLEExportLib.writing.image_series import write_image_series

SCALES = [1e-6, 1e-5, 1e-3, 1e-2, 1.0, 1e2, 1e3]
SHAPE = (10, 9, 7)


def grid_at(scale: float, origin_lps: tuple[float, float, float]) -> Geometry:
    to_lps = a_grid(SHAPE).kji_to_lps.copy()
    to_lps[:3, :3] *= scale
    to_lps[:3, 3] = origin_lps
    return Geometry(SHAPE, to_lps)


def drawn_on(grid: Geometry) -> Segmentation:
    labels = (np.random.default_rng(5).random(grid.shape_kji) > 0.6).astype(np.uint8)
    labels[:, 0, 0] = 1
    return Segmentation("Scale", (Layer(labels, grid),), (Segment("1", "one", 0, 1, terminology=LIVER),))


def masks_on_images(path, source) -> np.ndarray:
    seg = highdicom.seg.segread(path)
    uids = [frame.sop_instance_uid for frame in source.frames]
    return seg.get_pixels_by_source_instance(uids, combine_segments=True, assert_missing_frames_are_empty=True) > 0


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("origin", [(0, 0, 0), (-20.5, 11.25, -100)])
@pytest.mark.parametrize("scale", SCALES)
def test_each_image_carries_what_lies_on_it(scale, origin, own, tmp_path):
    grid = grid_at(scale, origin)
    source = replace(a_source(grid), slice_thickness_mm=3 * scale)
    segmentation = drawn_on(grid)
    options = fixed_options(grid=Grid.SEGMENTATION if own else Grid.SOURCE)

    report = export(segmentation, source, tmp_path / "seg.dcm", "none", options=options)

    assert {finding.id for finding in report.findings} <= {"not-multiple-of-8"}
    np.testing.assert_array_equal(masks_on_images(tmp_path / "seg.dcm", source), segmentation.layers[0].labels_kji > 0)
    assert compare([tmp_path / "seg.dcm"], segmentation, source).is_equal


@pytest.mark.parametrize("scale", SCALES)
def test_images_are_neither_merged_nor_parted_and_volumes_become_images(scale, tmp_path):
    grid = grid_at(scale, (0, 0, 0))
    images = write_image_series(np.zeros(SHAPE, np.int16), grid, tmp_path / "images")

    (series,) = read_series(tmp_path / "images")

    assert series.findings == ()
    np.testing.assert_allclose(series.stack.positions_lps, images.stack.positions_lps, atol=1e-9 * scale)


@pytest.mark.parametrize("scale", SCALES)
def test_voxels_in_a_gap_are_counted_at_any_scale(scale, tmp_path):
    grid = grid_at(scale, (0, 0, 0))
    whole = a_source(grid)
    kept = np.array([0, 1, 2, 3, 4, 7, 8, 9])
    source = replace(whole, frames=tuple(whole.frames[n] for n in kept), stack=whole.stack.only(kept))
    segmentation = drawn_on(grid)

    report = export(segmentation, source, tmp_path / "seg.dcm", options=fixed_options(clip=True))

    lost = int(segmentation.layers[0].labels_kji[5:7].sum())
    (finding,) = (finding for finding in report.findings if finding.id == "image-missing")
    assert finding.what.startswith(f"{lost} voxels ")


def test_an_image_moved_by_rounding_is_at_the_same_place_and_one_a_tenth_of_a_gap_away_is_not(tmp_path):
    axial = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    heights = [0, 3, 6, 9, 0.009, 3.009, 6.009, 9.009]
    write([an_image(axial, np.array([0, 0, z]), n, {}) for n, z in enumerate(heights, 1)], tmp_path)

    (series,) = read_series(tmp_path)

    assert len(series.stack) == 4

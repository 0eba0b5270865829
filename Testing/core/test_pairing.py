"""A grid that is an even copy of uneven or tilted images: slice k is image k, whatever places the grid says.

Copies are made as ITK makes them; what was written is read by pydicom and highdicom, by the image that frames name
and by their places in space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from builders import A_GRID, LIVER, a_grid, a_source, fixed_options
from read_by_others import by_pydicom, sorted_places, stored_pixels
from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import Grid
from SegRLEExportLib.planes.pairing import pairing_of
from SegRLEExportLib.source.choice import choose_series
from SegRLEExportLib.verification.comparison import compare

ROWS, COLUMNS = 9, 7
TILT = np.array([0, np.sin(np.radians(20)), np.cos(np.radians(20))])


def images_at(moved_mm: np.ndarray) -> SourceSeries:
    """A series whose images are moved by those amounts, (n, 3), from the first."""
    source = a_source(a_grid((len(moved_mm), ROWS, COLUMNS)))
    positions = source.stack.positions_lps[0] + np.asarray(moved_mm, dtype=float)
    return replace(source, stack=replace(source.stack, positions_lps=positions))


def at_heights(*heights_mm: float) -> SourceSeries:
    return images_at(np.outer(heights_mm, [0, 0, 1]))


def copy_of(source: SourceSeries) -> Geometry:
    """The even grid that ITK makes: the mean distance of the first pixels, along the normal."""
    stack = source.stack
    step = np.linalg.norm(stack.positions_lps[-1] - stack.positions_lps[0]) / (len(stack) - 1)
    return grid_on(stack, step * stack.normal_lps)


def grid_on(stack: PlaneStack, step_lps: np.ndarray) -> Geometry:
    to_lps = np.eye(4)
    to_lps[:3, 0] = step_lps
    to_lps[:3, 1] = stack.column_direction_lps * stack.pixel_spacing_mm[0]
    to_lps[:3, 2] = stack.row_direction_lps * stack.pixel_spacing_mm[1]
    to_lps[:3, 3] = stack.positions_lps[0]
    return Geometry((len(stack), stack.rows, stack.columns), to_lps)


def drawn_on(grid: Geometry) -> Segmentation:
    """Pixels that are others in each slice, none of them symmetric."""
    labels = (np.random.default_rng(3).random(grid.shape_kji) > 0.7).astype(np.uint8)
    labels[:, 0, :2] = [1, 0]
    return Segmentation("Copy", (Layer(labels, grid),), (Segment("1", "one", 0, 1, terminology=LIVER),))


def turned_about(segmentation: Segmentation, axes: tuple[int, int, int], flips: tuple[int, ...]) -> Segmentation:
    """The same voxels at the same places, their axes exchanged and counted backwards, as NIfTI tools do."""
    (layer,) = segmentation.layers
    to_lps = layer.geometry.kji_to_lps.copy()
    to_lps[:, :3] = layer.geometry.kji_to_lps[:, axes]
    labels = layer.labels_kji.transpose(axes)
    for axis in flips:
        to_lps[:, 3] += (labels.shape[axis] - 1) * to_lps[:, axis]
        to_lps[:, axis] *= -1
        labels = np.flip(labels, axis)
    return replace(segmentation, layers=(Layer(labels, Geometry(labels.shape, to_lps)),))


UNEVEN = {
    "a gap in the middle": lambda: at_heights(*2.5 * np.array([0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15])),
    "two spacings": lambda: at_heights(*range(10), *range(12, 60, 3)),
    "one image missing": lambda: at_heights(*3 * np.array([0, 1, 2, 3, 4, 5, 6, 8])),
    "the second image missing": lambda: at_heights(*3 * np.array([0, 2, 3, 4, 5, 6])),
    "tilted by 20 degrees": lambda: images_at(np.outer(5 * np.arange(12), TILT)),
    "tilted and a gap": lambda: images_at(np.outer(5 * np.array([0, 1, 2, 3, 9, 10]), TILT)),
    "two images, tilted": lambda: images_at(np.outer(5 * np.arange(2), TILT)),
    "moved within the planes": lambda: images_at(np.column_stack([[0, 0, 0, 2.1, 2.1, 0], [0] * 6, 3 * np.arange(6)])),
    "micrometres": lambda: at_heights(*0.0025 * np.array([0, 1, 2, 3, 4, 5, 6, 9, 10])),
}

SAID = {
    "a gap in the middle": ("are 2.5 mm to 10 mm apart", "lies up to 4.38 mm from"),
    "two spacings": ("are 1 mm to 3 mm apart", "lies up to 11.5 mm from"),
    "one image missing": ("are 3 mm to 6 mm apart", "lies up to 2.57 mm from"),
    "tilted by 20 degrees": ("are 4.7 mm apart and are tilted by 20.0 degrees", "lies up to 19.1 mm from"),
    "moved within the planes": ("are 3 mm apart", "lies up to 2.1 mm from where the grid says, 2.1 mm of it within"),
}


def by_image(path: Path) -> dict[str, np.ndarray]:
    """The mask of each image that a frame names, as pydicom decodes it."""
    seg = pydicom.dcmread(path)
    groups = seg.PerFrameFunctionalGroupsSequence
    return {
        str(group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID): pixels > 0
        for pixels, group in zip(stored_pixels(seg), groups, strict=True)
    }


def by_image_in_highdicom(path: Path, uids: list[str]) -> np.ndarray:
    """(images, rows, columns), as highdicom sorts frames by the images they name."""
    seg = highdicom.seg.segread(path)
    return seg.get_pixels_by_source_instance(uids, combine_segments=True, assert_missing_frames_are_empty=True) > 0


@pytest.mark.parametrize("encoding", ["rle", "none"])
@pytest.mark.parametrize("name", UNEVEN)
def test_slice_k_of_an_even_copy_is_written_to_image_k(name, encoding, tmp_path):
    source = UNEVEN[name]()
    segmentation = drawn_on(copy_of(source))
    (layer,) = segmentation.layers

    report = export(segmentation, source, tmp_path / "seg.dcm", encoding, options=fixed_options())

    uids = [frame.sop_instance_uid for frame in source.frames]
    found = by_image(tmp_path / "seg.dcm")
    for uid, labels in zip(uids, layer.labels_kji):
        np.testing.assert_array_equal(found[uid], labels > 0)
    np.testing.assert_array_equal(by_image_in_highdicom(tmp_path / "seg.dcm", uids), layer.labels_kji > 0)
    np.testing.assert_allclose(
        by_pydicom(tmp_path / "seg.dcm")["one"], sorted_places(places_on(source.stack, layer.labels_kji)), atol=0.0011
    )
    (finding,) = (finding for finding in report.findings if finding.id == "slices-paired")
    for said in SAID.get(name, ()):
        assert said in finding.what
    assert compare([tmp_path / "seg.dcm"], segmentation, source).is_equal


def places_on(stack: PlaneStack, labels: np.ndarray) -> np.ndarray:
    """(n, 3): where the pixels of the images lie that were drawn on."""
    plane, row, column = np.nonzero(labels)
    down, right = (
        stack.column_direction_lps * stack.pixel_spacing_mm[0],
        stack.row_direction_lps * stack.pixel_spacing_mm[1],
    )
    return stack.positions_lps[plane] + np.outer(row, down) + np.outer(column, right)


@pytest.mark.parametrize(
    ("axes", "flips"),
    [((0, 1, 2), (0,)), ((0, 1, 2), (1, 2)), ((2, 1, 0), ()), ((2, 1, 0), (0, 1, 2)), ((1, 2, 0), (2,))],
)
@pytest.mark.parametrize("name", ["two spacings", "tilted by 20 degrees", "moved within the planes"])
def test_it_is_so_however_the_axes_of_the_copy_run(name, axes, flips, tmp_path):
    source = UNEVEN[name]()
    segmentation = drawn_on(copy_of(source))

    export(turned_about(segmentation, axes, flips), source, tmp_path / "seg.dcm", "rle", options=fixed_options())

    uids = [frame.sop_instance_uid for frame in source.frames]
    found = by_image_in_highdicom(tmp_path / "seg.dcm", uids)
    np.testing.assert_array_equal(found, segmentation.layers[0].labels_kji > 0)


def test_a_copy_with_the_distance_of_the_tilted_planes_is_one_too(tmp_path):
    source = UNEVEN["tilted by 20 degrees"]()
    step = (source.stack.positions_lps[1] - source.stack.positions_lps[0]) @ source.stack.normal_lps
    segmentation = drawn_on(grid_on(source.stack, step * source.stack.normal_lps))

    report = export(segmentation, source, tmp_path / "seg.dcm", "rle", options=fixed_options())

    uids = [frame.sop_instance_uid for frame in source.frames]
    np.testing.assert_array_equal(
        by_image_in_highdicom(tmp_path / "seg.dcm", uids), segmentation.layers[0].labels_kji > 0
    )
    assert "slices-paired" in {finding.id for finding in report.findings}


def test_a_sheared_grid_lies_on_tilted_images_as_it_says(tmp_path):
    source = UNEVEN["tilted by 20 degrees"]()
    segmentation = drawn_on(grid_on(source.stack, 5 * TILT))

    report = export(segmentation, source, tmp_path / "seg.dcm", "rle", options=fixed_options())

    assert not {"slices-paired", "shifted", "resampled"} & {finding.id for finding in report.findings}
    labels = segmentation.layers[0].labels_kji
    found = by_image_in_highdicom(tmp_path / "seg.dcm", [frame.sop_instance_uid for frame in source.frames])
    np.testing.assert_array_equal(found, labels > 0)


def cropped_in_k(source: SourceSeries) -> Geometry:
    grid = copy_of(source)
    return grid.cropped((2, 0, 0), (grid.shape_kji[0] - 3, ROWS, COLUMNS))


def cropped_in_plane(source: SourceSeries) -> Geometry:
    grid = copy_of(source)
    return grid.cropped((0, 1, 2), (grid.shape_kji[0], ROWS - 2, COLUMNS - 3))


def with_the_first_gap(source: SourceSeries) -> Geometry:
    return grid_on(source.stack, source.stack.positions_lps[1] - source.stack.positions_lps[0])


@dataclass(frozen=True)
class Displaced:
    """A grid of which nobody can tell whether slices belong to images by number or by place."""

    id: str
    source: Callable[[], SourceSeries]
    grid: Callable[[SourceSeries], Geometry]
    says: str


DISPLACED = [
    Displaced("cropped in k", UNEVEN["two spacings"], cropped_in_k, "part of an even copy"),
    Displaced("cropped in k, tilted", UNEVEN["tilted by 20 degrees"], cropped_in_k, "tilted by 20.0 degrees"),
    Displaced("cropped in the planes", UNEVEN["two spacings"], cropped_in_plane, "lie up to 11.5 mm from its slices"),
    Displaced("the first gap", UNEVEN["two spacings"], with_the_first_gap, "has a slice for each of the 26 images"),
    Displaced(
        "even images, another distance",
        lambda: at_heights(*range(0, 30, 3)),
        lambda source: grid_on(source.stack, np.array([0, 0, 2.0])),
        "which are 3 mm apart, lie up to 9 mm from its slices",
    ),
]


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("case", DISPLACED, ids=lambda case: case.id)
def test_where_number_and_place_name_different_images_nothing_is_written(case, clip, tmp_path):
    source = case.source()
    segmentation = drawn_on(case.grid(source))

    with pytest.raises(PreflightError) as refused:
        export(segmentation, source, tmp_path / "seg.dcm", options=fixed_options(clip=clip))

    (finding,) = (finding for finding in refused.value.findings if finding.id == "slices-displaced")
    assert case.says in finding.what
    assert "resample" in finding.help
    assert "own grid" in finding.help
    assert not list(tmp_path.iterdir())
    report = export(segmentation, source, tmp_path / "own.dcm", options=fixed_options(grid=Grid.SEGMENTATION))
    assert report.is_verified


def test_a_finer_grid_is_no_copy_and_each_image_takes_what_lies_on_it(tmp_path):
    source = UNEVEN["two spacings"]()
    whole = grid_on(source.stack, np.array([0, 0, 0.5]))
    grid = Geometry((115, ROWS, COLUMNS), whole.kji_to_lps)
    segmentation = drawn_on(grid)

    report = export(segmentation, source, tmp_path / "seg.dcm", options=fixed_options())

    assert "slices-paired" not in {finding.id for finding in report.findings}
    slices = np.rint((source.stack.positions_lps[:, 2] - source.stack.positions_lps[0, 2]) / 0.5).astype(int)
    found = by_image_in_highdicom(tmp_path / "seg.dcm", [frame.sop_instance_uid for frame in source.frames])
    np.testing.assert_array_equal(found, segmentation.layers[0].labels_kji[slices] > 0)


def test_a_whole_even_grid_over_images_of_which_one_is_missing_is_no_copy():
    source = UNEVEN["one image missing"]()
    grid = grid_on(source.stack, np.array([0, 0, 3.0]))
    assert pairing_of(Geometry((9, ROWS, COLUMNS), grid.kji_to_lps), source.stack) is None


def test_jitter_of_less_than_half_a_step_needs_no_pairing():
    source = at_heights(*(3 * np.arange(8) + [0, 0.9, -0.9, 0.4, 0, 0.3, -0.8, 0]))
    assert pairing_of(copy_of(source), source.stack) is None


def test_what_is_shifted_is_told_in_millimetres(tmp_path):
    source = at_heights(*(3 * np.arange(8) + [0, 0.9, -0.9, 0.4, 0, 0.3, -0.8, 0]))

    report = export(drawn_on(copy_of(source)), source, tmp_path / "seg.dcm", options=fixed_options())

    (finding,) = (finding for finding in report.findings if finding.id == "shifted")
    assert finding.what == "The voxels lie up to 0.9 mm (0.30 voxels) from the pixels they are written to."


def test_an_even_copy_chooses_the_series_it_was_made_of():
    uneven, other = UNEVEN["two spacings"](), at_heights(*2.2 * np.arange(26))
    other = replace(other, header=pydicom.Dataset())
    other.header.SeriesInstanceUID = "1.2.3.4"

    assert choose_series([other, uneven], drawn_on(copy_of(uneven))) is uneven


def test_a_sheared_grid_says_itself_where_it_lies_so_straight_images_are_not_paired_with_it():
    """An evenly spaced copy is never sheared: what makes such copies holds no sheared grid."""
    images = PlaneStack.of_geometry(A_GRID)
    sheared = A_GRID.kji_to_lps.copy()
    sheared[:3, 0] += 0.3 * A_GRID.kji_to_lps[:3, 1]
    assert not Geometry(A_GRID.shape_kji, sheared).is_orthogonal
    assert pairing_of(Geometry(A_GRID.shape_kji, sheared), images) is None

"""Whatever the grid, what is read back lies where the segmentation lies; whatever the texts, the file is valid."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from builders import LIVER, a_ct_header, fixed_options
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage
from pydicom.valuerep import validate_value
from read_by_others import by_highdicom, by_pydicom
from SegRLEExportLib.dataset.segment_texts import one_line
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.model.terminology import Code, SegmentTerminology
from SegRLEExportLib.options import Grid

SEGIMAGE2ITKIMAGE = Path(sys.executable).with_name("segimage2itkimage")

AXES = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

finite = st.floats(-1, 1).filter(lambda number: abs(number) > 0.05)


@st.composite
def rotations(draw) -> np.ndarray:
    """(3, 3), columns at right angles, right-handed."""
    quaternion = np.array([draw(finite) for _ in range(4)])
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


@st.composite
def grids(draw) -> Geometry:
    """Regular grids: any rotation, spacing and origin."""
    spacing = [draw(st.floats(0.2, 6)) for _ in range(3)]
    shape = tuple(draw(st.integers(2, 7)) for _ in range(3))
    to_lps = np.eye(4)
    to_lps[:3, :3] = draw(rotations()) * spacing
    to_lps[:3, 3] = [draw(st.floats(-900, 900)) for _ in range(3)]
    return Geometry(shape, to_lps)


def reordered(grid: Geometry, axes: tuple[int, int, int], flips: list[bool]) -> Geometry:
    to_lps = grid.kji_to_lps.copy()
    to_lps[:, :3] = grid.kji_to_lps[:, axes]
    shape = tuple(grid.shape_kji[axis] for axis in axes)
    for axis in np.flatnonzero(flips):
        to_lps[:, 3] += (shape[axis] - 1) * to_lps[:, axis]
        to_lps[:, axis] *= -1
    return Geometry(shape, to_lps)


@st.composite
def same_voxels_otherwise(draw, grid: Geometry) -> Geometry:
    """A crop of the grid, its axes exchanged and turned about at will."""
    start = [draw(st.integers(0, length - 1)) for length in grid.shape_kji]
    shape = [draw(st.integers(1, length - begin)) for length, begin in zip(grid.shape_kji, start)]
    return reordered(
        grid.cropped(tuple(start), tuple(shape)), draw(st.sampled_from(AXES)), [draw(st.booleans()) for _ in range(3)]
    )


@st.composite
def sources_and_segmentations(draw) -> tuple[SourceSeries, Segmentation]:
    grid = draw(grids())
    own_grid = draw(same_voxels_otherwise(grid))
    labels = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 3, own_grid.shape_kji, dtype=np.uint8)
    labels.reshape(-1)[0] = 1
    segments = (Segment("1", "one", 0, 1, terminology=LIVER), Segment("2", "two", 0, 2, terminology=LIVER))
    return source_on(grid), Segmentation("Any", (Layer(labels, own_grid),), segments)


def source_on(grid: Geometry) -> SourceSeries:
    stack = PlaneStack.of_geometry(grid)
    frames = tuple(SourceFrame(str(CTImageStorage), f"1.2.3.{plane}") for plane in range(len(stack)))
    return SourceSeries(a_ct_header(), frames, stack)


def voxels_at(places: np.ndarray, layer: Layer) -> set[tuple[int, ...]]:
    """The voxels of the layer whose centres those places are."""
    kji = (np.linalg.inv(layer.geometry.kji_to_lps) @ np.c_[places, np.ones(len(places))].T)[:3].T
    np.testing.assert_allclose(kji, np.rint(kji), atol=0.02)
    return set(map(tuple, np.rint(kji).astype(int).tolist()))


@QUICK
@given(sources_and_segmentations(), st.sampled_from(["rle", "none", "deflate", "labelmap"]))
def test_any_grid_is_read_back_where_it_lies(source_and_segmentation, encoding):
    source, segmentation = source_and_segmentation
    (layer,) = segmentation.layers
    with tempfile.TemporaryDirectory() as folder:
        report = export(segmentation, source, Path(folder), encoding, options=fixed_options())
        assert not {finding.id for finding in report.findings} & {"shifted", "resampled", "between-planes"}
        for read in (by_pydicom, by_highdicom):
            found = read(report.instances[0].path)
            for segment in segmentation.segments:
                voxels = set(map(tuple, np.argwhere(layer.labels_kji == segment.layer_value).tolist()))
                assert voxels_at(found[segment.name], layer) == voxels
                assert len(found[segment.name]) == len(voxels)


@st.composite
def drawn_on_rounded_grids(draw) -> Segmentation:
    """A segmentation whose grid has origin and spacing of 1 to 6 decimals, straight or oblique."""
    decimals = draw(st.integers(1, 6))
    turned = draw(st.one_of(st.just(np.eye(3)), rotations()))
    to_lps = np.eye(4)
    to_lps[:3, :3] = turned * [round(draw(st.floats(0.3, 6)), decimals) for _ in range(3)]
    to_lps[:3, 3] = [round(draw(st.floats(-900, 900)), decimals) for _ in range(3)]
    grid = Geometry((draw(st.integers(1, 30)), 2, 3), to_lps)
    labels = np.ones(grid.shape_kji, np.uint8)
    return Segmentation("Own", (Layer(labels, grid),), (Segment("1", "one", 0, 1, terminology=LIVER),))


@settings(QUICK, max_examples=int(os.environ.get("SEGRLE_FUZZ_TRIES", "150")))
@given(drawn_on_rounded_grids(), st.sampled_from([Grid.SEGMENTATION, Grid.SOURCE]))
def test_no_right_file_is_refused_for_the_digits_of_its_positions(segmentation, grid):
    """SEGRLE_FUZZ_TRIES says how many grids are tried."""
    source = source_on(segmentation.layers[0].geometry)
    with tempfile.TemporaryDirectory() as folder:
        report = export(segmentation, source, Path(folder), "none", options=fixed_options(grid=grid))
    assert report.instances[0].verification.voxels == segmentation.layers[0].labels_kji.size


@pytest.mark.skipif(not SEGIMAGE2ITKIMAGE.exists(), reason="dcmqi is not installed")
@settings(QUICK, max_examples=6)
@given(sources_and_segmentations())
def test_dcmqi_reads_any_grid_where_it_lies(source_and_segmentation):
    source, segmentation = source_and_segmentation
    (layer,) = segmentation.layers
    with tempfile.TemporaryDirectory() as folder:
        report = export(segmentation, source, Path(folder), "labelmap", options=fixed_options(keep_empty_frames=True))
        command = [SEGIMAGE2ITKIMAGE, "--inputDICOM", report.instances[0].path, "--outputDirectory", folder]
        subprocess.run([*command, "--outputType", "nrrd", "--mergeSegments"], check=True, capture_output=True)
        image = sitk.ReadImage(str(next(Path(folder).glob("*.nrrd"))))
        indices = np.argwhere(sitk.GetArrayFromImage(image))
        places = [image.TransformIndexToPhysicalPoint(index[::-1].tolist()) for index in indices]
    assert voxels_at(np.array(places), layer) == set(map(tuple, np.argwhere(layer.labels_kji).tolist()))


texts = st.text(max_size=80)
codes = st.tuples(*[st.text(min_size=1, max_size=80)] * 3)


@settings(QUICK, phases=[Phase.explicit, Phase.generate])
@given(texts, texts, texts, codes, st.sampled_from(sorted(PLANS)))
@example("", "", "\U0004c4cf\U000f690f", ("1", "99LOCAL", "meaning"), "deflate")
def test_any_names_end_in_a_valid_file(name, segment_name, description, code, encoding):
    grid = Geometry((2, 4, 4), np.diag([3.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])
    terminology = SegmentTerminology(Code(*code), Code(*code))
    segment = Segment("1", segment_name, 0, 1, terminology=terminology, description=description, algorithm_name=name)
    segmentation = Segmentation(name, (Layer(np.ones(grid.shape_kji, np.uint8), grid),), (segment,))
    is_complete = all(" ".join(part.split()).isprintable() and part.strip() for part in code)
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = export(segmentation, source_on(grid), Path(folder), encoding, options=fixed_options())
        except PreflightError as error:
            is_about_codes = all(finding.id in ("incomplete-code", "unwritable-code") for finding in error.findings)
            is_written_as_it_is = code[1].strip() == one_line(code[1])
            if (is_complete and is_written_as_it_is) or not is_about_codes:
                raise
            return
        dataset = pydicom.dcmread(report.instances[0].path)
    for element in dataset.iterall():
        for value in element.value if element.VM > 1 else [element.value]:
            if isinstance(value, str) or element.VR == "PN":
                validate_value(element.VR, str(value), pydicom.config.RAISE)
    (item,) = (item for item in dataset.SegmentSequence if item.SegmentNumber == 1)
    for sequence in (item.SegmentedPropertyCategoryCodeSequence, item.SegmentedPropertyTypeCodeSequence):
        assert sequence[0].get("CodeValue") or sequence[0].get("LongCodeValue")
        assert sequence[0].CodingSchemeDesignator
        assert sequence[0].CodeMeaning

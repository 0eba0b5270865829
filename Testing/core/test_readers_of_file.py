"""What a report says of a file's readers is what they do: dcmqi and highdicom read files of all kinds of planes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from builders import LIVER, fixed_options
from read_by_others import by_highdicom
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.options import Grid
from SegRLEExportLib.preflight.readers_of_file import DCMQI, HIGHDICOM
from test_pairing import at_heights, copy_of, images_at, places_on

SEGIMAGE2ITKIMAGE = Path(sys.executable).with_name("segimage2itkimage")
COUNT = 12


def jittered(millimetres: float):
    return at_heights(*(3 * np.arange(COUNT) + np.random.default_rng(2).uniform(-millimetres, millimetres, COUNT)))


def tilted(degrees: float):
    angle = np.radians(degrees)
    return images_at(np.outer(3 * np.arange(COUNT), [0, np.sin(angle), np.cos(angle)]))


SOURCES = {
    **{f"jitter of {mm} mm": lambda mm=mm: jittered(mm) for mm in (0, 0.005, 0.01, 0.015, 0.02, 0.05, 0.1, 0.3, 0.5)},
    "one missing": lambda: at_heights(*np.delete(3.0 * np.arange(COUNT), 5)),
    "three missing": lambda: at_heights(*np.delete(3.0 * np.arange(COUNT), [4, 5, 6])),
    "two spacings": lambda: at_heights(*range(6), *range(8, 24, 3)),
    "uneven": lambda: at_heights(0, 2, 4.9, 5.4, 9.6, 12),
    "rounded to 0.1 mm": lambda: at_heights(*np.round(1.2345 * np.arange(COUNT), 1)),
    "rounded to 0.01 mm": lambda: at_heights(*np.round(1.2345 * np.arange(COUNT), 2)),
    "one image": lambda: at_heights(4),
    "two images": lambda: at_heights(4, 9),
    **{f"tilted by {degrees} degrees": lambda degrees=degrees: tilted(degrees) for degrees in (0.2, 1, 3, 20)},
}


def painted(source) -> Segmentation:
    """Slices drawn on the images, in a grid that pairs with them."""
    grid = copy_of(source) if len(source.stack) > 1 else None
    if grid is None:
        to_lps = np.eye(4)
        to_lps[:3, :3] = np.array([[0, 0, 0.7], [0, 0.8, 0], [3.0, 0, 0]])
        to_lps[:3, 3] = source.stack.positions_lps[0]
        grid = Geometry((1, 9, 7), to_lps)
    labels = (np.random.default_rng(4).random(grid.shape_kji) > 0.5).astype(np.uint8)
    labels[:, 2, 3] = 1
    return Segmentation("Any", (Layer(labels, grid),), (Segment("1", "one", 0, 1, terminology=LIVER),))


def by_dcmqi(path: Path, folder: Path) -> np.ndarray:
    """(n, 3): the places that are filled; none if the program fails."""
    command = [SEGIMAGE2ITKIMAGE, "--inputDICOM", path, "--outputDirectory", folder, "--mergeSegments"]
    subprocess.run([*command, "--outputType", "nrrd"], check=False, capture_output=True)
    written = list(folder.glob("*.nrrd"))
    if not written:
        return np.zeros((0, 3))
    image = sitk.ReadImage(str(written[0]))
    indices = np.argwhere(sitk.GetArrayFromImage(image))
    return np.array([image.TransformIndexToPhysicalPoint(index[::-1].tolist()) for index in indices]).reshape(-1, 3)


def is_right(found: np.ndarray, source, labels: np.ndarray) -> bool:
    """Whether each pixel drawn is found once, less than a quarter pixel aside and half a gap up or down."""
    wanted = places_on(source.stack, labels)
    if len(found) != len(wanted):
        return False
    heights = source.stack.positions_lps @ source.stack.normal_lps
    gap = np.diff(np.sort(heights)).min() if len(heights) > 1 else 1.0
    scale = np.array([0.25 * 0.7, 0.25 * 0.7, gap / 2]) * 1.001
    normal = source.stack.normal_lps
    assert normal[2] == 1
    nearest = np.abs((found[:, None] - wanted[None]) / scale).max(axis=2).argmin(axis=1)
    off = np.abs((found - wanted[nearest]) / scale).max(axis=1)
    return bool(off.max(initial=0) <= 1 and len(set(nearest.tolist())) == len(wanted))


@pytest.mark.skipif(not SEGIMAGE2ITKIMAGE.exists(), reason="dcmqi is not installed")
@pytest.mark.parametrize("encoding", ["rle", "none"])
@pytest.mark.parametrize("name", SOURCES)
def test_what_is_said_of_readers_is_what_they_do(name, encoding, tmp_path):
    source = SOURCES[name]()
    segmentation = painted(source)
    labels = segmentation.layers[0].labels_kji

    report = export(segmentation, source, tmp_path / "seg.dcm", encoding, options=fixed_options())

    try:
        in_highdicom = is_right(by_highdicom(tmp_path / "seg.dcm")["one"], source, labels)
    except RuntimeError:
        in_highdicom = False
    in_dcmqi = is_right(by_dcmqi(tmp_path / "seg.dcm", tmp_path), source, labels)
    assert (DCMQI in report.not_read_by, HIGHDICOM in report.not_read_by) == (not in_dcmqi, not in_highdicom)
    found = [finding for finding in report.findings if finding.id == "uneven-planes"]
    assert bool(found) == bool(report.not_read_by)
    for reader in report.not_read_by:
        assert reader in found[0].what
        assert reader in str(report)


@pytest.mark.parametrize("name", SOURCES)
def test_the_segmentations_own_grid_opens_in_both(name, tmp_path):
    segmentation = painted(SOURCES[name]())

    options = fixed_options(grid=Grid.SEGMENTATION)
    report = export(segmentation, SOURCES[name](), tmp_path / "seg.dcm", options=options)

    assert report.not_read_by == ()
    assert len(by_highdicom(tmp_path / "seg.dcm")["one"]) == segmentation.layers[0].labels_kji.sum()

"""Every geometry of sources and segmentations, generated and real, each with what is to come of it.

An export is right when each image that it refers to carries what SimpleITK's resampler finds there, at the place
that the image itself states, and when the findings are the ones named here and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
import pytest
from builders import a_ct_header, fixed_options
from image_builders import (
    AXIAL,
    COLUMNS,
    DOUBLE_OBLIQUE,
    ROWS,
    SAGITTAL,
    TILTED,
    Images,
    an_image,
    enhanced,
    images,
    turned_by,
    with_different,
    write,
)
from independent_resampler import ImagePlane, labels_by_image, planes_in, planes_of, resampled
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from read_by_others import by_highdicom, by_pydicom
from SegRLEExportLib.errors import ExportError, NoSourceImagesError, PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.options import Grid
from SegRLEExportLib.source import images as plane_reader
from SegRLEExportLib.source.series import read_series


def grid_of(planes: list[ImagePlane]) -> Geometry:
    """A regular grid on the planes: their mean gap, or where one is missing as fine as the smallest."""
    normal = np.cross(*planes[0].orientation)
    in_order = sorted(planes, key=lambda plane: plane.position @ normal)
    steps = [after.position - before.position for before, after in pairwise(in_order)]
    steps = [step for step in steps if step @ normal > 1e-6] or [normal]
    step = min(steps, key=np.linalg.norm)
    count = 1 + round(float((in_order[-1].position - in_order[0].position) @ normal / (step @ normal)))
    if count == len(planes) > 1:
        step = (in_order[-1].position - in_order[0].position) / (count - 1)
    row_spacing, column_spacing = planes[0].spacing
    row, column = planes[0].orientation
    to_lps = np.eye(4)
    to_lps[:3] = np.column_stack([step, column * row_spacing, row * column_spacing, in_order[0].position])
    return Geometry((count, *planes[0].shape), to_lps)


def labelled(grid: Geometry) -> Segmentation:
    """Two segments in one layer and one that overlaps them in another, none of them symmetric."""
    k, j, i = (index / max(1, length - 1) for index, length in zip(np.indices(grid.shape_kji), grid.shape_kji))
    one, other = np.zeros(grid.shape_kji, np.uint8), np.zeros(grid.shape_kji, np.uint8)
    one[(k + 2 * j < 1.4) & (i > 0.2) & (j > 0.1)] = 1
    one[(k - j > -0.6) & (i + j > 1.3)] = 2
    other[(i < 0.6) & (j > 0.3) & (k < 0.8)] = 1
    segments = (Segment("a", "wedge", 0, 1), Segment("b", "corner", 0, 2), Segment("c", "block", 1, 1))
    return Segmentation("Cases", (Layer(one, grid), Layer(other, grid)), segments)


def on_planes(planes: list[ImagePlane]) -> Segmentation:
    return labelled(grid_of(planes))


def on_grid(change: Callable[[Geometry], Geometry]) -> Callable[[list[ImagePlane]], Segmentation]:
    """A segmentation on a grid made from that of the planes."""
    return lambda planes: labelled(change(grid_of(planes)))


def reordered(grid: Geometry, axes: tuple[int, int, int], flips: tuple[int, ...] = ()) -> Geometry:
    """The same voxels with axes exchanged and some of them counted backwards."""
    to_lps = grid.kji_to_lps.copy()
    to_lps[:, :3] = grid.kji_to_lps[:, axes]
    shape = tuple(grid.shape_kji[axis] for axis in axes)
    for axis in flips:
        to_lps[:, 3] += (shape[axis] - 1) * to_lps[:, axis]
        to_lps[:, axis] *= -1
    return Geometry(shape, to_lps)


def scaled(grid: Geometry, factors: tuple[float, float, float], shift: tuple[float, float, float]) -> Geometry:
    """A grid with other spacings, moved by parts of a voxel so that no pixel is as near to one voxel as to another."""
    to_lps = grid.kji_to_lps @ np.diag([*factors, 1.0])
    to_lps[:3, 3] += grid.kji_to_lps[:3, :3] @ shift
    return Geometry(tuple(max(1, int((n - 1) / f)) for n, f in zip(grid.shape_kji, factors)), to_lps)


def turned(grid: Geometry, degrees: float) -> Geometry:
    """A smaller grid, turned about an oblique axis through the middle of the other."""
    axis = np.array([0.6, 0.48, 0.64])
    cross = np.cross(np.eye(3), axis)
    angle = np.radians(degrees)
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    small = grid.cropped((1, 3, 2), (grid.shape_kji[0] - 2, grid.shape_kji[1] - 6, grid.shape_kji[2] - 4))
    middle = (small.kji_to_lps @ (*(np.array(small.shape_kji) - 1) / 2, 1))[:3]
    to_lps = small.kji_to_lps.copy()
    to_lps[:3, :3] = rotation @ to_lps[:3, :3]
    to_lps[:3, 3] = middle + rotation @ (small.kji_to_lps[:3, 3] - middle)
    return Geometry(small.shape_kji, to_lps)


@dataclass(frozen=True)
class Case:
    """A source, a segmentation, and what is to come of the two."""

    id: str
    source: Callable[[], Images] = images
    segmentation: Callable[[list[ImagePlane]], Segmentation] = on_planes
    options: dict[str, object] = field(default_factory=dict)
    syntax: str = ExplicitVRLittleEndian
    found: frozenset[str] = frozenset()
    """Ids of findings beside overlaps and missing codes, which all cases have."""


ALWAYS = {"overlap", "overlap-in-ohif", "not-coded"}

WRITTEN = [
    Case("axial"),
    Case("sagittal", lambda: images(SAGITTAL)),
    Case("double oblique", lambda: images(DOUBLE_OBLIQUE)),
    Case("against the normal", lambda: images(heights=(0, -3, -6, -9))),
    Case("tilted gantry", lambda: images(TILTED, across=(0, 0, 1)), found=frozenset({"uneven-planes"})),
    Case("slices 2.5 micrometres apart", lambda: images(heights=[0.0025 * n for n in range(9)])),
    Case("one image", lambda: images(heights=(5,))),
    Case(
        "unequal gaps",
        lambda: images(heights=(0, 3, 6, 12, 15)),
        found=frozenset({"image-missing"}),
        options={"clip": True},
    ),
    Case(
        "unequal gaps that are not multiples",
        lambda: images(heights=(0, 3, 6, 11.1, 14)),
        found=frozenset({"image-missing", "shifted", "uneven-planes"}),
        options={"clip": True},
    ),
    Case(
        "unequal gaps, nothing in the gap",
        lambda: images(heights=(0, 3, 6, 12, 15)),
        lambda planes: labelled(grid_of(planes[:3])),
    ),
    Case("several images at each position", lambda: images() + images(first=50), found=frozenset({"same-position"})),
    Case(
        "mixed orientations",
        lambda: images() + images(SAGITTAL, first=50),
        lambda planes: on_planes(planes[:5]),
        found=frozenset({"mixed-orientation"}),
    ),
    Case(
        "two frames of reference",
        lambda: images() + images(heights=(50, 53), first=50, FrameOfReferenceUID="1.2.3"),
        lambda planes: on_planes(planes[:5]),
        found=frozenset({"mixed-orientation"}),
    ),
    Case("enhanced", lambda: enhanced(images(DOUBLE_OBLIQUE))),
    Case("compressed", syntax=RLELossless),
    Case("rounded directions", lambda: images(((0.609, 0.791, 0.062), (-0.143, 0.186, -0.972)), (0, 3, 6))),
    Case(
        "slice thickness that is no number",
        lambda: images(SliceThickness=None),
        found=frozenset({"thickness-made-up"}),
    ),
    Case(
        "directions that are rounded differently",
        lambda: images(turned_by(0.0004), (0, 3)) + images(turned_by(0.0006), (6, 9), first=50),
    ),
    Case(
        "no frame of reference",
        lambda: images(FrameOfReferenceUID=None),
        found=frozenset({"missing-frame-of-reference"}),
    ),
    Case(
        "no frame of reference in the first image",
        lambda: [*images(heights=(0,), FrameOfReferenceUID=None), *images(heights=(3, 6, 9, 12), first=2)],
    ),
    Case(
        "SOP class in the file's head alone",
        lambda: images(SOPClassUID=None),
        found=frozenset({"uid-from-file-meta"}),
    ),
    Case(
        "an image without position",
        lambda: [*images(), an_image(AXIAL, np.zeros(3), 99, {"ImagePositionPatient": None})],
        lambda planes: on_planes(planes[:5]),
        found=frozenset({"source-image-without-place"}),
    ),
    Case("cropped", segmentation=on_grid(lambda grid: grid.cropped((1, 2, 3), (3, 5, 4)))),
    Case(
        "flipped in all directions",
        lambda: images(DOUBLE_OBLIQUE),
        on_grid(lambda grid: reordered(grid, (0, 1, 2), (0, 1, 2))),
    ),
    Case("left-handed", segmentation=on_grid(lambda grid: reordered(grid, (0, 1, 2), (0,)))),
    Case("axes exchanged", segmentation=on_grid(lambda grid: reordered(grid, (2, 0, 1)))),
    Case("axes exchanged and flipped", segmentation=on_grid(lambda grid: reordered(grid, (1, 2, 0), (0, 2)))),
    Case(
        "finer",
        segmentation=on_grid(lambda grid: scaled(grid, (0.5, 0.4, 0.45), (0.03, 0.02, 0.01))),
        found=frozenset({"resampled"}),
    ),
    Case(
        "finer across the planes",
        segmentation=on_grid(lambda grid: scaled(grid, (0.5, 1, 1), (0, 0, 0))),
        found=frozenset({"between-planes"}),
    ),
    Case(
        "coarser",
        segmentation=on_grid(lambda grid: scaled(grid, (1, 1.7, 1.3), (0.05, 0.07, 0.03))),
        found=frozenset({"resampled"}),
    ),
    Case(
        "coarser across the planes",
        segmentation=on_grid(lambda grid: scaled(grid, (1.9, 1, 1), (0.03, 0, 0))),
        found=frozenset({"resampled"}),
    ),
    Case(
        "half a slice off",
        segmentation=on_grid(lambda grid: scaled(grid, (1, 1, 1), (0.5, 0, 0))),
        found=frozenset({"shifted"}),
    ),
    Case("turned", segmentation=on_grid(lambda grid: turned(grid, 20)), found=frozenset({"resampled"})),
    Case(
        "turned, on oblique planes",
        lambda: images(DOUBLE_OBLIQUE),
        on_grid(lambda grid: turned(grid, 35)),
        found=frozenset({"resampled"}),
    ),
    Case(
        "a quarter voxel aside",
        segmentation=on_grid(lambda grid: scaled(grid, (1, 1, 1), (0, 0.25, 0.2))),
        found=frozenset({"shifted"}),
    ),
    Case(
        "beyond the images, left out",
        segmentation=on_grid(lambda grid: grid.cropped((-2, -3, -1), (9, 12, 11))),
        options={"clip": True},
        found=frozenset({"outside-source"}),
    ),
]  # fmt: skip


def findings_of(report: object) -> set[str]:
    return {finding.id for finding in report.findings} - ALWAYS


def assert_each_image_carries_its_part(report: object, segmentation: Segmentation, planes: list[ImagePlane]) -> None:
    """Compare the files with what the resampler finds on the images that the SEG refers to, and on no others."""
    found: dict[object, dict[str, np.ndarray]] = {}
    for instance in report.instances:
        for key, masks in labels_by_image(instance.path, planes).items():
            found.setdefault(key, {}).update(masks)
    wanted = {plane.key: resampled(segmentation, plane) for plane in planes}
    referenced = {uid for instance in report.instances for uid in referenced_uids(instance.path)}
    wanted = {key: masks for key, masks in wanted.items() if masks and key[0] in referenced}
    assert wanted, "nothing was to be found"
    assert {key: set(masks) for key, masks in found.items()} == {key: set(masks) for key, masks in wanted.items()}
    for key, masks in wanted.items():
        for name, mask in masks.items():
            np.testing.assert_array_equal(found[key][name], mask, err_msg=f"{name} on {key}")


def referenced_uids(path: Path) -> set[str]:
    series = pydicom.dcmread(path, stop_before_pixels=True).ReferencedSeriesSequence[0]
    return {str(item.ReferencedSOPInstanceUID) for item in series.ReferencedInstanceSequence}


@pytest.mark.parametrize("case", WRITTEN, ids=lambda case: case.id)
def test_each_image_carries_what_lies_on_it(case, tmp_path):
    (tmp_path / "source").mkdir()
    planes = planes_of(write(case.source(), tmp_path / "source", case.syntax))
    segmentation = case.segmentation(planes)

    report = export(segmentation, tmp_path / "source", tmp_path / "out", options=fixed_options(**case.options))

    assert findings_of(report) == case.found
    assert_each_image_carries_its_part(report, segmentation, planes)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(images, id="axial"),
        pytest.param(lambda: images(DOUBLE_OBLIQUE), id="double oblique"),
        pytest.param(lambda: images(TILTED, across=(0, 0, 1)), id="tilted gantry"),
        pytest.param(lambda: images(heights=(0, 3, 6, 12, 15)), id="unequal gaps"),
    ],
)
def test_every_voxel_that_is_lost_is_counted(source, tmp_path):
    (tmp_path / "source").mkdir()
    planes = planes_of(write(source(), tmp_path / "source"))
    whole = grid_of(planes)
    larger = whole.cropped((-2, -3, -1), tuple(np.array(whole.shape_kji) + (4, 5, 3)))
    ones = np.ones(larger.shape_kji, np.uint8)
    segmentation = Segmentation("All", (Layer(ones, larger),), (Segment("a", "all", 0, 1),))

    report = export(segmentation, tmp_path / "source", tmp_path / "out", options=fixed_options(clip=True))

    told = {finding.id: int(finding.what.split()[0]) for finding in report.findings if " voxels lie " in finding.what}
    of_one_plane = ROWS * COLUMNS
    between = (whole.shape_kji[0] - len(planes)) * of_one_plane
    beyond = ones.size - whole.shape_kji[0] * of_one_plane
    assert told.pop("image-missing", 0) == between
    assert told.pop("outside-source") == beyond
    assert report.instances[0].verification.voxels == len(planes) * of_one_plane


@dataclass(frozen=True)
class RefusedCase:
    """A source and a segmentation that cannot go together, and what is said of them."""

    id: str
    text: str
    source: Callable[[], Images] = images
    segmentation: Callable[[], Segmentation] = lambda: on_planes(
        [plane for image in images() for plane in planes_in(image)]
    )
    options: dict[str, object] = field(default_factory=dict)


def on_a_grid(kji_to_lps: list[list[float]], shape: tuple[int, int, int] = (5, 9, 7)) -> Segmentation:
    return labelled(Geometry(shape, np.array(kji_to_lps, dtype=float)))


FLAT = [[0, 0.7, 0.7, 0], [0, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]]
SHEARED = [[0, 0.2, 0.7, -20.5], [0, 0.8, 0, 11.25], [3, 0, 0, -100], [0, 0, 0, 1]]
FAR_AWAY = [[0, 0, 0.7, 500], [0, 0.8, 0, 500], [3, 0, 0, 500], [0, 0, 0, 1]]


def changed(dataset: Dataset, **attributes: object) -> Dataset:
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


ONE_MISSING = (0, 3, 9, 12)
"""Heights of images of which the one at 6 mm was lost."""

REFUSED = [
    RefusedCase(
        "a frame of reference for each image",
        "(0020,0052) FrameOfReferenceUID: Each of the 5 images has a Frame of Reference UID of its own, so nothing",
        lambda: [changed(image, FrameOfReferenceUID=f"1.2.3.{n}") for n, image in enumerate(images())],
    ),
    RefusedCase(
        "an image is missing",
        "voxels lie in slices for which the series has no image, and would be "
        "lost. The same applies to 2 more (corner, block). If an image is damaged or was not copied, add it, or leave "
        "the voxels out (clip=True in ExportOptions), or export on the segmentation's own grid (grid='segmentation' in "
        "ExportOptions). If the segmentation was drawn on an evenly spaced copy of unevenly spaced images, all of it "
        "is displaced: segment the images as they are.",
        lambda: images(heights=ONE_MISSING),
    ),
    RefusedCase(
        "an image is missing, strictly",
        "voxels lie in slices for which the series has no image, and would be "
        "lost.",
        lambda: images(heights=ONE_MISSING),
        options={"strict": True},
    ),
    RefusedCase(
        "radiograph",
        "the one image found has no usable place in space (001.dcm: it has no Image Position (Patient)",
        lambda: images(heights=(0,), Modality="CR", ImagePositionPatient=None, ImageOrientationPatient=None),
    ),
    RefusedCase(
        "ultrasound loop",
        "its 20 frames have no position each",
        lambda: images(heights=(0,), Modality="US", NumberOfFrames=20),
    ),
    RefusedCase("position of letters", "has no Image Position", lambda: images(ImagePositionPatient=None)),
    RefusedCase(
        "position beyond all scanners",
        r"Image Position (Patient) (0020,0032) is '0.0\0.0\99999999.0'",
        lambda: images(ImagePositionPatient=[0, 0, 99999999]),
    ),
    RefusedCase(
        "no pixel spacing",
        "it has no Pixel Spacing (0028,0030)",
        lambda: images(PixelSpacing=None),
    ),
    RefusedCase(
        "pixel spacing of zero",
        r"Pixel Spacing (0028,0030) is '0.0\0.0'",
        lambda: images(PixelSpacing=[0, 0]),
    ),
    RefusedCase(
        "directions that are not perpendicular",
        "Image Orientation (Patient) (0020,0037) is",
        lambda: images(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]),
    ),
    RefusedCase(
        "two patients",
        "(0010,0020) PatientID: The images of the series disagree about their patient: 'P-1', 'P-2'.",
        lambda: with_different("PatientID", "P-2"),
    ),
    RefusedCase(
        "two studies",
        "disagree about their study",
        lambda: with_different("StudyInstanceUID", "1.2.3.4"),
    ),
    RefusedCase(
        "one UID for two images",
        "1 SOP Instance UID is used by images at different places",
        lambda: with_different("SOPInstanceUID", "1.2.826.0.1.3680043.8.498.9.1"),
    ),
    RefusedCase(
        "no study UID",
        "(0020,000D) StudyInstanceUID: The source has no UID there. A segmentation without it would belong to no study",
        lambda: images(StudyInstanceUID=None),
    ),
    RefusedCase(
        "no series UID",
        "(0020,000E) SeriesInstanceUID: The source has no UID there.",
        lambda: images(SeriesInstanceUID=None),
    ),
    RefusedCase(
        "a study UID of letters",
        "The source has the invalid UID 'study' there.",
        lambda: images(StudyInstanceUID="study"),
    ),
    RefusedCase(
        "no frame of reference, strictly",
        "error: (0020,0052) FrameOfReferenceUID: The source has no Frame of Reference UID",
        lambda: images(FrameOfReferenceUID=None),
        options={"strict": True},
    ),
    RefusedCase(
        "a repair of reading, strictly",
        "Images without SOP Class UID are referenced by the one that their File Meta Information states",
        lambda: images(SOPClassUID=None),
        options={"strict": True},
    ),
    RefusedCase(
        "beyond the images",
        "29 voxels lie beyond the source images and would be lost. The same applies to 2 more (corner, block). Choose "
        "the series that was segmented",
        lambda: images(heights=(0, 3)),
    ),
    RefusedCase(
        "elsewhere",
        "would be lost, as all others would. The same applies to 2 more (corner, block). Choose the series that was "
        "segmented.",
        segmentation=lambda: on_a_grid(FAR_AWAY),
    ),
    RefusedCase(
        "elsewhere, left out",
        "No segment has a voxel on the source images, so there is no frame to write. Choose the series",
        segmentation=lambda: on_a_grid(FAR_AWAY),
        options={"clip": True},
    ),
    RefusedCase(
        "two volumes, neither fits",
        "its images form 2 volumes, of 5 and 5 images, different in Image Orientation (Patient), and none holds all of",
        lambda: images() + images(SAGITTAL, first=50),
        lambda: on_a_grid(FAR_AWAY),
    ),
    RefusedCase(
        "a grid that is flat",
        "The grid of its voxels has no voxel, or axes that are not three different directions.",
        segmentation=lambda: on_a_grid(FLAT),
    ),
    RefusedCase(
        "a grid without voxels",
        "The grid of its voxels has no voxel",
        segmentation=lambda: on_a_grid(SHEARED, (0, 9, 7)),
    ),
    RefusedCase(
        "its own grid, which is sheared",
        "Its own grid cannot be written: the rows and columns of the grid are not perpendicular. Use the grid of",
        segmentation=lambda: on_a_grid(SHEARED),
        options={"grid": Grid.SEGMENTATION},
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_what_cannot_be_right_is_refused_with_the_reason(case, tmp_path):
    (tmp_path / "source").mkdir()
    write(case.source(), tmp_path / "source")

    with pytest.raises(ExportError) as refused:
        export(case.segmentation(), tmp_path / "source", tmp_path / "out", options=fixed_options(**case.options))

    assert case.text in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_the_instance_list_of_a_volume_chooses_among_images_at_the_same_places(tmp_path):
    first, second = images(), images(first=50)
    planes = planes_of(write(first + second, tmp_path))
    wanted = {image.SOPInstanceUID for image in second}

    (volume,) = read_series(tmp_path, instance_uids=wanted)
    report = export(on_planes(planes[:5]), volume, tmp_path / "out", options=fixed_options())

    assert findings_of(report) == set()
    assert referenced_uids(report.instances[0].path) == wanted


def test_images_of_the_volume_that_are_missing_are_told(tmp_path):
    write(images(), tmp_path)

    (volume,) = read_series(tmp_path, instance_uids=[*(image.SOPInstanceUID for image in images()), "1.2.3"])

    (finding,) = volume.findings
    assert (finding.id, finding.where) == ("source-image-missing", "1.2.3")
    assert finding.what == "Of the 6 images of the volume that was segmented 1 is not there, and not referenced."


def test_none_of_the_images_asked_for(tmp_path):
    write(images(), tmp_path)
    with pytest.raises(NoSourceImagesError, match="none of the 2 images asked for is there"):
        read_series(tmp_path, instance_uids=["1.2.3", "1.2.4"])


def test_other_files_among_the_images_do_no_harm_and_damaged_ones_are_told(tmp_path):
    planes = planes_of(write(images(), tmp_path))
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / "empty").touch()
    (tmp_path / "damaged.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\x00\x00\x00OB\x00\x00\xff\xff")
    write([a_structure_set()], _folder(tmp_path / "rtstruct"))

    report = export(on_planes(planes), tmp_path, tmp_path / "out", options=fixed_options())

    assert findings_of(report) <= {"unreadable-file"}
    assert_each_image_carries_its_part(report, on_planes(planes), planes)


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    planes = planes_of(write(images(), tmp_path))
    (tmp_path / "locked.dcm").touch()
    whole = plane_reader.read_header

    def locked(path: Path, wanted: frozenset[int]):
        if path.name == "locked.dcm":
            raise PermissionError(13, "Permission denied")
        return whole(path, wanted)

    monkeypatch.setattr(plane_reader, "read_header", locked)
    report = export(on_planes(planes), tmp_path, tmp_path / "out", options=fixed_options())

    (finding,) = (finding for finding in report.findings if finding.id == "unreadable-file")
    assert finding.where == "locked.dcm"
    assert "1 file among the images could not be read: Permission denied." in finding.what


def without_preamble(path: Path, *, with_meta: bool) -> None:
    """Leave out the 128 bytes and "DICM", and the File Meta Information too if wanted."""
    if with_meta:
        path.write_bytes(path.read_bytes()[132:])
        return
    dataset = pydicom.dcmread(path)
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, True
    write_dataset(written, dataset)
    path.write_bytes(written.getvalue())
    assert path.read_bytes()[:2] == b"\x08\x00"


@pytest.mark.parametrize("with_meta", [True, False], ids=["file meta kept", "the dataset alone"])
@pytest.mark.parametrize("count", [1, 5], ids=["one of five", "all"])
def test_images_without_preamble_are_images(tmp_path, count, with_meta):
    paths = write(images(), tmp_path)
    planes = planes_of(paths)
    for path in paths[:count]:
        without_preamble(path, with_meta=with_meta)

    report = export(on_planes(planes), tmp_path, tmp_path / "out", options=fixed_options())

    assert findings_of(report) == frozenset()
    assert_each_image_carries_its_part(report, on_planes(planes), planes)


@pytest.mark.parametrize(
    "beginning", [b"\x08\x00", b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100" * 9, b"\x02\x00\x00\x00UL\x04"]
)
def test_a_file_that_only_begins_as_an_image_does_is_none(tmp_path, beginning):
    (tmp_path / "almost").write_bytes(beginning)

    assert plane_reader.planes_in(tmp_path / "almost") == []


def test_an_image_that_is_cut_is_named_where_its_voxels_would_be_lost(tmp_path):
    paths = write(images(), _folder(tmp_path / "images"))
    planes = planes_of(paths)
    paths[2].write_bytes(paths[2].read_bytes()[:600])

    with pytest.raises(PreflightError) as refused:
        export(on_planes(planes), tmp_path / "images", tmp_path / "out", options=fixed_options())

    assert "voxels lie in slices for which the series has no image" in str(refused.value)
    assert f"{paths[2].name}: 1 file among the images could not be read" in str(refused.value)
    assert not (tmp_path / "out").exists()


def of_times(count: int, **attributes_of: Callable[[int], object]) -> Images:
    """Images of several times at the same places, their Instance Numbers beginning anew at each time, in no order."""
    datasets = []
    for time in range(count):
        for image in images(first=1 + 100 * time):
            attributes = {keyword: value(time) for keyword, value in attributes_of.items()}
            datasets.append(changed(image, InstanceNumber=image.InstanceNumber - 100 * time, **attributes))
    return [datasets[n] for n in np.random.default_rng(7).permutation(len(datasets))]


@pytest.mark.parametrize(
    ("attribute", "value", "told"),
    [
        ("TemporalPositionIdentifier", lambda time: time + 9, "Temporal Position Identifier 9, the first of 3"),
        ("TriggerTime", lambda time: 40.5 * time, "Trigger Time 0.0, the first of 3"),
        ("AcquisitionNumber", lambda time: 3 + time, "Acquisition Number 3, the first of 3"),
        ("AcquisitionTime", lambda time: f"10{time}000", "Acquisition Time 100000, the first of 3"),
    ],
)
def test_images_of_several_times_are_told_apart_by_what_they_say(tmp_path, attribute, value, told):
    write(of_times(3, **{attribute: value}), tmp_path)

    (series,) = read_series(tmp_path)

    (finding,) = series.findings
    assert finding.what == f"15 images lie at 5 positions; those of {told}, are referenced."
    assert {int(frame.sop_instance_uid.rpartition(".")[2]) // 100 for frame in series.frames} == {0}


@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize("attribute", [{"TriggerTime": lambda time: 40.5 * time}, {}])
def test_a_time_that_is_named_is_taken(tmp_path, time, attribute):
    """By what tells times apart, or else by the order of Instance Numbers, which go on from time to time here."""
    if attribute:
        write(of_times(3, **attribute), tmp_path)
    else:
        write([image for n in range(3) for image in images(first=1 + 100 * n)], tmp_path)

    (series,) = read_series(tmp_path, time=time)

    assert series.findings == ()
    assert {int(frame.sop_instance_uid.rpartition(".")[2]) // 100 for frame in series.frames} == {time - 1}


@pytest.mark.parametrize("time", [None, 1, 2])
def test_an_image_of_another_time_does_not_stand_in_for_one_that_is_missing(tmp_path, time):
    single = [image for image in of_times(2, TriggerTime=lambda time: 50 * time)]
    missing = next(image for image in single if image.TriggerTime == 0 and image.InstanceNumber == 3)
    write([image for image in single if image is not missing], tmp_path)

    (series,) = read_series(tmp_path, time=time)

    assert {int(frame.sop_instance_uid.rpartition(".")[2]) // 100 for frame in series.frames} == {(time or 1) - 1}
    assert len(series.frames) == (5 if time == 2 else 4)
    told = [str(finding) for finding in series.findings]
    warning = (
        "warning: At 1 of 5 positions there is no image of Trigger Time 0.0, and those of other times do not stand in "
        "for it. Add the missing image, or choose another time."
    )
    assert (warning in told) == (time != 2)


@pytest.mark.parametrize(
    ("group", "keyword", "value"),
    [
        ("FrameContentSequence", "TemporalPositionIndex", lambda time: time + 1),
        ("FrameContentSequence", "FrameAcquisitionNumber", lambda time: time + 1),
        ("FrameContentSequence", "FrameAcquisitionDateTime", lambda time: f"2026010110{time}000"),
        ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime", lambda time: 40.5 * time),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("time", [None, 1, 2])
def test_frames_of_several_times_are_told_apart_by_what_they_say(tmp_path, group, keyword, value, time):
    (whole,) = enhanced(images() + images(first=50))
    order = np.random.default_rng(3).permutation(10).tolist()
    frames = [whole.PerFrameFunctionalGroupsSequence[n] for n in order]
    for n, frame in zip(order, frames):
        content = Dataset()
        setattr(content, keyword, value(n // 5))
        setattr(frame, group, [content])
    whole.PerFrameFunctionalGroupsSequence = frames
    write([whole], tmp_path)

    (series,) = read_series(tmp_path, time=time)

    assert {order[frame.frame_number - 1] // 5 for frame in series.frames} == {(time or 1) - 1}
    assert len(series.frames) == 5


def test_frames_of_several_times_that_nothing_tells_apart_are_told(tmp_path):
    write(enhanced(images() + images(first=50)), tmp_path)

    (finding,) = read_series(tmp_path)[0].findings

    told = "nothing tells their times apart, so at each one the first frame is referenced."
    assert finding.what == f"10 images lie at 5 positions; {told}"


def test_stacks_side_by_side_are_volumes_of_their_own(tmp_path):
    beside = [
        changed(image, ImagePositionPatient=[-13.0, *image.ImagePositionPatient[1:]]) for image in images(first=50)
    ]
    paths = write(images() + beside, _folder(tmp_path / "all"))
    planes = [plane for plane in planes_of(paths) if plane.position[0] == -13]

    report = export(on_planes(planes), tmp_path / "all", tmp_path / "out", options=fixed_options())

    assert labels_by_image(report.paths[0], planes).keys() <= {plane.key for plane in planes}
    assert (
        "The images of the series form 2 volumes of different orientation, size or frame of reference, or side by "
        "side; only those of one volume are referenced." in str(report)
    )


@pytest.mark.parametrize("time", [0, 4, -1])
def test_a_time_that_is_not_there_is_refused(tmp_path, time):
    write(of_times(3, TriggerTime=lambda time: 40.5 * time), tmp_path)

    (finding,) = read_series(tmp_path, time=time)[0].findings

    assert str(finding) == (
        f"error: Time {time} was asked for, and the images have 3 times. "
        "Choose a time from 1 to 3, or none for the first."
    )


def test_images_of_several_times_that_nothing_tells_apart_are_refused(tmp_path):
    planes = planes_of(write(images(), _folder(tmp_path / "one")))
    write(of_times(3), _folder(tmp_path / "all"))

    with pytest.raises(PreflightError, match="several with the same Instance Number, and nothing in them says which"):
        export(on_planes(planes), tmp_path / "all", tmp_path / "out", options=fixed_options())


def test_images_behind_a_link_to_a_folder_are_found_and_a_loop_of_links_ends(tmp_path):
    write(images(), _folder(tmp_path / "elsewhere"))
    case = _folder(tmp_path / "case")
    (case / "series").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (case / "loop").symlink_to(case, target_is_directory=True)

    (series,) = read_series(case)

    assert len(series.stack) == len(images())


def test_a_folder_that_may_not_be_looked_into_is_named(tmp_path, monkeypatch):
    write(images(), tmp_path)

    def walk(folder, *, onerror, **_):
        onerror(PermissionError(13, "Permission denied", str(Path(folder, "locked"))))
        return iter(())

    monkeypatch.setattr("os.walk", walk)
    with pytest.raises(NoSourceImagesError, match=r"locked: the folder cannot be read \(Permission denied\)"):
        read_series(tmp_path)


def a_structure_set() -> Dataset:
    dataset = a_ct_header(Modality="RTSTRUCT", SeriesInstanceUID="1.2.3.9")
    dataset.SOPInstanceUID = "1.2.3.9.1"
    return dataset


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda grid: grid, id="the same grid"),
        pytest.param(lambda grid: scaled(grid, (0.5, 0.4, 0.45), (0.1, 0.2, 0.3)), id="finer"),
        pytest.param(lambda grid: turned(grid, 25), id="turned"),
        pytest.param(lambda grid: reordered(grid, (2, 0, 1), (1,)), id="axes exchanged"),
        pytest.param(lambda grid: grid.cropped((-3, -2, -1), (12, 13, 9)), id="larger than the source"),
    ],
)
def test_on_its_own_grid_every_voxel_keeps_its_place(tmp_path, change):
    planes = planes_of(write(images(), tmp_path))
    segmentation = labelled(change(grid_of(planes)))

    report = export(segmentation, tmp_path, tmp_path / "out", "none", options=fixed_options(grid=Grid.SEGMENTATION))

    assert findings_of(report) <= {"not-multiple-of-8", "frames-without-image"}
    assert_voxels_are_those_of(segmentation, by_pydicom(report.instances[0].path))
    assert_voxels_are_those_of(segmentation, by_highdicom(report.instances[0].path))


def assert_voxels_are_those_of(segmentation: Segmentation, found: dict[str, np.ndarray]) -> None:
    """Each place that was read is a voxel of its segment, none is missing and none is there twice."""
    for segment in segmentation.segments:
        layer = segmentation.layers[segment.layer_index]
        places = found[segment.name]
        kji = (np.linalg.inv(layer.geometry.kji_to_lps) @ np.c_[places, np.ones(len(places))].T)[:3].T
        np.testing.assert_allclose(kji, np.rint(kji), atol=0.01)
        assert len(kji) == np.count_nonzero(layer.labels_kji == segment.layer_value)
        assert set(map(tuple, np.rint(kji).astype(int))) == set(
            map(tuple, np.argwhere(layer.labels_kji == segment.layer_value))
        )


REAL = [
    ("01_ct_3slice_dcmqi/dicom", set()),
    ("02_ct_tiny_24x38x3_dcmqi/dicom", set()),
    ("02_ct_tiny_24x38x3_dcmqi/dicom_legacy_enhanced", set()),
    ("04_mr_oblique_adc_dcmqi/701-ADCb500", set()),
    ("05_sts_008_ct_pet_mr/CT", set()),
    ("05_sts_008_ct_pet_mr/MR", set()),
    ("05_sts_008_ct_pet_mr/PET", set()),
    ("06_mr_sagittal_120slices_fruit", set()),
    ("07_geometry_cases_icometrix/ct_gantry_tilt_14deg", {"missing-frame-of-reference", "uneven-planes"}),
    ("07_geometry_cases_icometrix/ct_nonuniform_gap", {"missing-frame-of-reference", "image-missing"}),
    ("07_geometry_cases_icometrix/ct_same_position", {"missing-frame-of-reference", "same-position"}),
    ("07_geometry_cases_icometrix/mr_double_oblique_hitachi", {"missing-frame-of-reference"}),
    ("07_geometry_cases_icometrix/mr_enhanced_philips", {"missing-frame-of-reference"}),
    ("07_geometry_cases_icometrix/mr_j2k", {"missing-frame-of-reference"}),
    ("07_geometry_cases_icometrix/mr_rle", {"missing-frame-of-reference"}),
    ("07_geometry_cases_icometrix/mr_mixed_orientation", {"missing-frame-of-reference", "mixed-orientation"}),
    ("09b_rle_vectors_pydicom_data/enhanced_ct", set()),
]


@pytest.mark.parametrize(("series", "expected"), REAL, ids=[name for name, _ in REAL])
def test_real_series_carry_what_lies_on_them(shared_data, tmp_path, series, expected):
    folder = shared_data / series
    planes = planes_of(sorted(path for path in folder.iterdir() if path.is_file()))
    of_one_direction = [plane for plane in planes if np.allclose(plane.orientation, planes[0].orientation, atol=1e-3)]
    segmentation = on_planes(of_one_direction)

    report = export(segmentation, folder, tmp_path / "out", options=fixed_options(clip="image-missing" in expected))

    assert findings_of(report) - {"invalid-value", "thickness-made-up"} == expected
    assert_each_image_carries_its_part(report, segmentation, planes)

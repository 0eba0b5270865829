"""Each finding is found before anything is written, with its id and what helps; what passes is written and verified.

The table has a row for every finding that the core can make: `test_every_finding_has_a_row` reads the code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import SegRLEExportLib
from builders import (
    A_GRID,
    LIVER,
    a_segmentation,
    a_source,
    a_sphere,
    fixed_options,
    segments_in_one_layer,
    two_overlapping_boxes,
)
from file_builders import a_nifti, a_nifti_of_two_places
from image_builders import SAGITTAL, an_image, images, with_different, write
from pydicom import Dataset
from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.files.tables.delimited import read_delimited
from SegRLEExportLib.files.tables.describe import described
from SegRLEExportLib.files.tables.totalsegmentator import own_table, with_codes_of_known_names
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import AlgorithmType, Layer, Origin, Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.model.terminology import Code, SegmentTerminology
from SegRLEExportLib.options import Grid
from SegRLEExportLib.preflight import survey as preflight
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.reading.source import source_of
from SegRLEExportLib.source.images import UnreadableFile
from SegRLEExportLib.source.series import find_source, read_series
from SegRLEExportLib.writing.image_series import write_image_series

ERROR, WARNING, REPAIR, NOTE = Severity.ERROR, Severity.WARNING, Severity.REPAIR, Severity.NOTE

IMAGES_GRID = Geometry((5, 9, 7), [[0, 0, 0.7, -20.5], [0, 0.8, 0, 11.25], [3, 0, 0, -100], [0, 0, 0, 1]])
"""Where the images lie that `images` makes."""


@dataclass(frozen=True)
class Row:
    """A finding, and what leads to it."""

    id: str
    severity: Severity
    segmentation: Callable[[], Segmentation] = a_segmentation
    source: Callable[[Path], SourceSeries] = lambda _: a_source()
    encoding: str = "rle"
    options: dict[str, object] = field(default_factory=dict)
    target: str = "target"
    limit: tuple[str, int] | None = None
    """A limit of the format, lowered so that a small example goes beyond it."""


def of_values(*values: int) -> Segmentation:
    labels = np.zeros(A_GRID.shape_kji, np.uint16)
    for n, value in enumerate(values):
        labels[3, 2 + n, 2:4] = value
    return segments_in_one_layer(labels, list(values))


def with_damaged_names() -> Segmentation:
    with TemporaryDirectory() as folder:
        path = a_nifti(Path(folder), np.ones(A_GRID.shape_kji, np.uint8), with_names=b"<LabelTable><")
        read_from = read_segmentation(path)
    return replace(read_from, layers=(Layer(read_from.layers[0].labels_kji, A_GRID),))


def with_two_places() -> Segmentation:
    """A NIfTI whose qform lies 7 mm beside its sform."""
    with TemporaryDirectory() as folder:
        ones = np.ones(A_GRID.shape_kji, np.uint8)
        read_from = read_segmentation(a_nifti_of_two_places(Path(folder), ones, np.eye(4), name="a.nii"))
    return replace(read_from, layers=(Layer(read_from.layers[0].labels_kji, A_GRID),))


def with_many_labels() -> Segmentation:
    """A NIfTI with the values of an image: nearly each voxel another."""
    with TemporaryDirectory() as folder:
        values = np.arange(np.prod(A_GRID.shape_kji), dtype=np.int16).reshape(A_GRID.shape_kji)
        read_from = read_segmentation(a_nifti(Path(folder), values))
    return replace(read_from, layers=(Layer(read_from.layers[0].labels_kji, A_GRID),))


def with_a_table_beside() -> Segmentation:
    with TemporaryDirectory() as folder:
        labels = a_nifti(Path(folder), np.ones(A_GRID.shape_kji, np.uint8))
        labels.with_name("labels.csv").write_text("value,name\n1,liver\n")
        read_from = read_segmentation(labels.rename(labels.with_name("labels.nii")))
    return replace(read_from, layers=(Layer(read_from.layers[0].labels_kji, A_GRID),))


def with_one_file_of_two() -> Segmentation:
    with TemporaryDirectory() as folder:
        report = export(a_segmentation([*two_overlapping_boxes()]), a_source(), folder, "rle")
        return segmentation_of(report.paths[1:])


def with_table(text: str) -> Segmentation:
    return described(a_segmentation(), read_delimited(text, "names.csv"))


def without_place(rows: int, columns: int) -> SourceSeries:
    """Images of that size that do not say where they lie, one for each slice of the grid."""
    return replace(a_source(), stack=PlaneStack.without_place(A_GRID.shape_kji[0], rows, columns))


def read(
    *datasets: object, instance_uids: list[str] | None = None, time: int | None = None
) -> Callable[[Path], SourceSeries]:
    """The first volume of a series that is written to disk and read."""

    def source(folder: Path) -> SourceSeries:
        write(list(datasets), folder)
        return read_series(folder, instance_uids, time)[0]

    return source


def with_a_locked_file(folder: Path) -> SourceSeries:
    with pytest.MonkeyPatch.context() as patch:
        whole = SegRLEExportLib.source.series.planes_in
        patch.setattr(
            SegRLEExportLib.source.series,
            "planes_in",
            lambda path: [UnreadableFile(path, "Permission denied")] if path.name == "locked" else whole(path),
        )
        (folder / "locked").touch()
        return read(*images())(folder)


def with_a_cut_image(folder: Path) -> SourceSeries:
    path = write(images(), folder)[1]
    path.write_bytes(path.read_bytes()[:-1])
    return read_series(folder)[0]


def beside_an_earlier_file(folder: Path) -> SourceSeries:
    folder.with_name("seg.dcm").write_bytes(b"earlier")
    return a_source()


def with_a_wider_series(folder: Path) -> SourceSeries:
    wider = images(first=50, heights=(0, 3, 6, 9, 12, 15), SeriesInstanceUID="1.2.1", Rows=20, Columns=20)
    write([*images(), *wider], folder)
    return find_source(folder, on_images())


def with_frame_of_reference(image: Dataset, number: int) -> Dataset:
    image.FrameOfReferenceUID = f"1.2.3.{number}"
    return image


def with_numbers_anew(datasets: list[Dataset]) -> list[Dataset]:
    for number, image in enumerate(datasets, start=1):
        image.InstanceNumber = number
    return datasets


def rescaled(folder: Path) -> SourceSeries:
    return write_image_series(np.linspace(0, 0.9, 630).reshape(10, 9, 7), A_GRID, folder / "written")


def on_images() -> Segmentation:
    return a_segmentation([a_sphere(IMAGES_GRID)], grid=IMAGES_GRID)


def on(change: Callable[[np.ndarray], np.ndarray], shape: tuple[int, int, int] = (10, 9, 7)) -> Segmentation:
    grid = Geometry(shape, change(A_GRID.kji_to_lps.copy()))
    return a_segmentation([np.ones(shape, bool)], grid=grid)


def moved(to_lps: np.ndarray) -> np.ndarray:
    return to_lps + np.array([[0, 0, 0, 0.2], [0] * 4, [0] * 4, [0] * 4])


def far_moved(to_lps: np.ndarray) -> np.ndarray:
    return to_lps + np.array([[0, 0, 0, 2.8], [0] * 4, [0] * 4, [0] * 4])


def of_no_place() -> Segmentation:
    """Return labels of a NIfTI without sform and qform."""
    with TemporaryDirectory() as folder:
        return read_segmentation(a_nifti(Path(folder), np.ones((10, 9, 7), np.uint8), to_ras=None, sform_code=0))


def of_another_scan(to_lps: np.ndarray) -> np.ndarray:
    return to_lps + np.array([[0, 0, 0, 500.0], [0] * 4, [0] * 4, [0] * 4])


def scaled(k: float, j: float, i: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda to_lps: to_lps @ np.diag([k, j, i, 1])


def sheared(to_lps: np.ndarray) -> np.ndarray:
    return to_lps + np.array([[0, 0.3, 0, 0], [0] * 4, [0] * 4, [0] * 4])


def one_segment(**changes: object) -> Segmentation:
    segment = Segment("1", **({"name": "one", "layer_index": 0, "layer_value": 1, "terminology": LIVER} | changes))
    return Segmentation("S", (Layer(a_sphere().astype(np.uint8), A_GRID),), (segment,))


def known_by_name() -> Segmentation:
    return with_codes_of_known_names(one_segment(name="liver", terminology=None), has_colors=True)


def tracked_twice() -> Segmentation:
    whole = a_segmentation([*two_overlapping_boxes()])
    return replace(whole, segments=tuple(replace(one, tracking_uid="1.2.3") for one in whole.segments))


def drawn_by_nobody() -> Segmentation:
    one = one_segment(name="liver", terminology=None, algorithm_type=AlgorithmType.MANUAL, algorithm_name="")
    return with_codes_of_known_names(one, has_colors=True)


def numbered_by_totalsegmentator() -> Segmentation:
    return described(one_segment(name="Label 1"), own_table("totalsegmentator"))


def another_segmentations_file(folder: Path) -> SourceSeries:
    """A SEG in the place of the images, which are not at hand."""
    return source_of(export(a_segmentation(), a_source(), folder / "other.dcm", "none").paths)


def on_planes(count: int) -> Segmentation:
    """A segment on so many planes, each of 63 pixels."""
    mask = np.zeros(A_GRID.shape_kji, bool)
    mask[1 : 1 + count, 2:5, 2:5] = True
    return a_segmentation([mask])


def many_segments(count: int) -> Segmentation:
    labels = np.zeros(A_GRID.shape_kji, np.uint16)
    labels.reshape(-1)[:count] = np.arange(1, count + 1)
    return segments_in_one_layer(labels, list(range(1, count + 1)))


def jittered(millimetres: float) -> SourceSeries:
    """Images every second of which is moved along the normal."""
    source = a_source()
    positions = source.stack.positions_lps + np.outer(np.arange(10) % 2 * millimetres, [0, 0, 1])
    return replace(source, stack=replace(source.stack, positions_lps=positions))


def with_a_gap() -> SourceSeries:
    """Images of which three are missing, of the same mean distance."""
    source = a_source()
    heights = np.array([0, 1, 2, 3, 4, 5, 9, 10, 11, 12]) * 27 / 12 - 100
    positions = np.column_stack([source.stack.positions_lps[:, :2], heights])
    return replace(source, stack=replace(source.stack, positions_lps=positions))


ROWS = [
    Row("no-segments", ERROR, lambda: a_segmentation().only([])),
    Row("too-many-segments", ERROR, limit=("LARGEST_SEGMENT_NUMBER", 1)),
    Row("grid-without-volume", ERROR, lambda: on(scaled(1, 0, 1))),
    Row("grid-not-perpendicular", ERROR, lambda: on(sheared), options={"grid": Grid.SEGMENTATION}),
    Row("plane-too-large", ERROR, limit=("LARGEST_SIDE", 8)),
    Row("too-large", ERROR, encoding="labelmap", limit=("LARGEST_PIXEL_DATA", 100)),
    Row("all-empty", ERROR, lambda: a_segmentation([np.zeros(A_GRID.shape_kji, bool)])),
    Row("outside-source", ERROR, lambda: on(far_moved)),
    Row("outside-source", WARNING, lambda: on(far_moved), options={"clip": True}),
    Row("between-planes", WARNING, lambda: on(scaled(0.5, 1, 1), (19, 9, 7))),
    Row("no-place", ERROR, of_no_place),
    Row("images-without-place", WARNING, source=lambda _: without_place(9, 7)),
    Row("not-their-pixels", ERROR, source=lambda _: without_place(7, 9)),
    Row("own-grid-without-place", ERROR, source=lambda _: without_place(9, 7), options={"grid": Grid.SEGMENTATION}),
    Row("slices-paired", WARNING, source=lambda _: with_a_gap()),
    Row("slices-displaced", ERROR, lambda: on(scaled(0.5, 1, 1))),
    Row("image-missing", ERROR, on_images, read(*images()[:2], *images()[3:])),
    Row("image-missing", WARNING, on_images, read(*images()[:2], *images()[3:]), options={"clip": True}),
    Row("shifted", WARNING, lambda: on(moved)),
    Row("resampled", WARNING, lambda: on(scaled(1, 0.9, 0.9))),
    Row("thickness-made-up", NOTE, source=lambda _: replace(a_source(), slice_thickness_mm=None)),
    Row("uneven-planes", WARNING, source=lambda _: jittered(0.5)),
    Row("frames-without-image", NOTE, lambda: on(scaled(0.5, 1, 1)), options={"grid": Grid.SEGMENTATION}),
    Row("away-from-images", WARNING, lambda: on(of_another_scan), options={"grid": Grid.SEGMENTATION}),
    Row("invalid-option", ERROR, options={"content_label": "lower case"}),
    Row("invalid-option", ERROR, options={"content_label": " "}),
    Row("invalid-option", ERROR, options={"content_description": "x" * 65}),
    Row("invalid-option", ERROR, options={"content_creator_name": "a\\b"}),
    Row("invalid-option", ERROR, options={"series_description": "two\nlines"}),
    Row("invalid-option", ERROR, options={"series_number": -1}),
    Row("invalid-option", ERROR, options={"series_number": 10**5000}),
    Row("source-from-seg", NOTE, source=another_segmentations_file),
    Row("cut-description", REPAIR, lambda: a_segmentation(name="n" * 65)),
    Row("cut-description", REPAIR, lambda: a_segmentation(name="left\\right")),
    Row("cut-description", REPAIR, lambda: a_segmentation([*two_overlapping_boxes()], name="n" * 60)),
    Row("overlap-in-ohif", WARNING, lambda: a_segmentation([*two_overlapping_boxes()]), encoding="none"),
    Row("more-than-255-segments", WARNING, lambda: many_segments(256)),
    Row("more-than-255-segments", WARNING, lambda: many_segments(256), encoding="none"),
    Row("source-without-uid", ERROR, source=lambda _: a_source(StudyInstanceUID="")),
    Row("source-without-uid", ERROR, source=lambda _: a_source(SeriesInstanceUID="1.2.x")),
    Row("nonstandard-uid", WARNING, source=lambda _: a_source(StudyInstanceUID="1.02.3")),
    Row("missing-frame-of-reference", REPAIR, source=lambda _: a_source(FrameOfReferenceUID="")),
    Row(
        "missing-frame-of-reference",
        ERROR,
        source=lambda _: a_source(FrameOfReferenceUID=""),
        options={"strict": True},
    ),
    Row("invalid-value", REPAIR, source=lambda _: a_source(StudyDescription="x" * 70)),
    Row("file-for-each-segment", NOTE, lambda: a_segmentation([*two_overlapping_boxes()]), encoding="rle-per-segment"),
    Row("other-patient", WARNING, lambda: replace(a_segmentation(), origin=Origin("A^B", "not this one"))),
    Row("other-images", WARNING, lambda: replace(a_segmentation(), origin=Origin(frame_of_reference_uid="1.2.9"))),
    Row("segments-renumbered", NOTE, lambda: replace(of_values(2, 5), origin=Origin())),
    Row("tracked-twice", NOTE, tracked_twice),
    Row("algorithm-not-told", NOTE, drawn_by_nobody),
    Row("overlap", WARNING, lambda: a_segmentation([*two_overlapping_boxes()])),
    Row("empty-segment", WARNING, lambda: a_segmentation([a_sphere(), np.zeros(A_GRID.shape_kji, bool)])),
    Row("encoding-for-experts", WARNING, encoding="rle-binary"),
    Row("not-multiple-of-8", WARNING, encoding="none"),
    Row("not-multiple-of-8", WARNING, encoding="deflate"),
    Row("odd-bytes-in-ohif", WARNING, lambda: on_planes(3), encoding="labelmap"),
    Row("not-coded", NOTE, lambda: one_segment(terminology=None)),
    Row("algorithm-without-name", NOTE, lambda: one_segment(algorithm_type=AlgorithmType.AUTOMATIC)),
    Row(
        "manual-with-algorithm",
        WARNING,
        lambda: one_segment(algorithm_type=AlgorithmType.MANUAL, algorithm_name="Joe"),
    ),
    Row("same-name", NOTE, lambda: a_segmentation([a_sphere()] * 2, names=["one", "one"])),
    Row("long-name", REPAIR, lambda: one_segment(name="x" * 65)),
    Row("cut-text", REPAIR, lambda: one_segment(description="x" * 1025)),
    Row("unusable-tracking-uid", REPAIR, lambda: one_segment(tracking_uid="my lesion")),
    Row("changed-text", REPAIR, lambda: one_segment(name="a\\b")),
    Row(
        "unwritable-code",
        ERROR,
        lambda: one_segment(terminology=SegmentTerminology(LIVER.category, Code("SCT", "1\\2", "Liver"))),
    ),
    Row("incomplete-code", WARNING, lambda: one_segment(code_faults=("its type 'SCT^1^' lacks a meaning",))),
    Row(
        "incomplete-code",
        ERROR,
        lambda: one_segment(terminology=SegmentTerminology(LIVER.category, Code("SCT", "1", " "))),
    ),
    Row(
        "frame-of-reference-each",
        ERROR,
        on_images,
        lambda folder: read(*(with_frame_of_reference(image, n) for n, image in enumerate(images())))(folder),
    ),
    Row("times-not-told-apart", ERROR, on_images, read(*images(), *with_numbers_anew(images(first=50)))),
    Row("times-not-matched", WARNING, on_images, read(*images(), *images(first=50)[1:])),
    Row("time-not-there", ERROR, on_images, read(*images(), time=2)),
    Row("series-chosen-by-size", NOTE, on_images, with_a_wider_series),
    Row("several-patients", ERROR, on_images, read(*with_different("PatientID", "P-2"))),
    Row("patient-described-otherwise", WARNING, on_images, read(*with_different("PatientName", "C^D"))),
    Row("several-studies", ERROR, on_images, read(*with_different("StudyInstanceUID", "1.2.3.4"))),
    Row("same-uid", ERROR, on_images, read(*with_different("SOPInstanceUID", images()[0].SOPInstanceUID))),
    Row("uid-from-file-meta", REPAIR, on_images, read(*images(SOPClassUID=None))),
    Row("uid-from-file-meta", ERROR, on_images, read(*images(SOPClassUID=None)), options={"strict": True}),
    Row("same-position", WARNING, on_images, read(*images(), *images(first=50))),
    Row(
        "image-of-time-missing",
        WARNING,
        on_images,
        read(*images(TriggerTime=0)[1:], *images(first=50, TriggerTime=50)),
    ),
    Row("mixed-orientation", WARNING, on_images, read(*images(SAGITTAL, first=50), *images())),
    Row(
        "source-image-without-place",
        WARNING,
        on_images,
        read(*images(), an_image(SAGITTAL, np.zeros(3), 99, {"ImagePositionPatient": None})),
    ),
    Row(
        "source-image-missing",
        WARNING,
        on_images,
        read(*images(), instance_uids=[*(image.SOPInstanceUID for image in images()), "1.2.3"]),
    ),
    Row("unreadable-file", WARNING, on_images, with_a_locked_file),
    Row("source-image-cut-short", WARNING, on_images, with_a_cut_image),
    Row("part-of-export", WARNING, with_one_file_of_two),
    Row(
        "earlier-file-kept",
        NOTE,
        lambda: a_segmentation([*two_overlapping_boxes()]),
        beside_an_earlier_file,
        options={"overwrite": True},
        target="seg.dcm",
    ),
    Row("segment-without-row", WARNING, lambda: with_table("name,value\nliver,1\n")),
    Row("row-without-segment", NOTE, lambda: with_table("name,value\nliver,1\nleft kidney,2\nnose,9\n")),
    Row("label-values-kept", WARNING, lambda: of_values(1, 5), options={"keep_values": True}),
    Row("label-values-over-255", WARNING, lambda: of_values(1, 300), options={"keep_values": True}),
    Row("label-values-not-kept", ERROR, lambda: of_values(1, 40000), options={"keep_values": True}),
    Row("label-values-not-kept", ERROR, lambda: of_values(1, 2), encoding="none", options={"keep_values": True}),
    Row("known-names", NOTE, known_by_name),
    Row("named-by-value", NOTE, numbered_by_totalsegmentator),
    Row("names-unreadable", WARNING, with_damaged_names),
    Row("two-places", WARNING, with_two_places),
    Row("many-labels", WARNING, with_many_labels),
    Row("table-column-unused", NOTE, lambda: with_table("name,ml,value\nliver,99.5,1\n")),
    Row("table-not-read", NOTE, with_a_table_beside),
    Row("values-rescaled", NOTE, source=rescaled),
    Row("images-written", NOTE, source=rescaled),
]  # fmt: skip


def findings(row: Row, folder: Path) -> list[Finding]:
    """Export; return what was found. An error leaves no file, everything else leaves one that is verified."""
    (folder / "source").mkdir()
    source, target = row.source(folder / "source"), folder / row.target
    try:
        report = export(row.segmentation(), source, target, row.encoding, options=fixed_options(**row.options))
    except PreflightError as error:
        assert not target.exists()
        return list(error.findings)
    assert all(instance.verification for instance in report.instances)
    return list(report.findings)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id} {row.severity.value}")
def test_it_is_found(row, tmp_path, monkeypatch):
    if row.limit:
        monkeypatch.setattr(preflight, *row.limit)

    found = [finding for finding in findings(row, tmp_path) if finding.id == row.id]

    assert found
    for finding in found:
        assert finding.severity is row.severity
        assert finding.what.endswith(".")
        assert finding.what[0].isupper() or finding.what[0].isdigit() or finding.what[0] in "'\""
        assert finding.help or row.severity is not ERROR
        assert str(finding).startswith(f"{row.severity.value}: ")


def test_an_ordinary_export_has_nothing_to_say(tmp_path):
    row = Row("", NOTE, encoding="labelmap")
    assert findings(row, tmp_path) == []


@pytest.mark.parametrize(("planes", "encoding"), [(4, "labelmap"), (3, "rle"), (3, "labelmap-deflate")])
def test_ohif_opens_label_maps_of_even_bytes_and_compressed_ones(planes, encoding, tmp_path):
    assert findings(Row("", NOTE, lambda: on_planes(planes), encoding=encoding), tmp_path) == []


@pytest.mark.parametrize("geometry", [scaled(1, 0.9, 0.9), moved, far_moved], ids=["resampled", "shifted", "outside"])
def test_of_a_segment_without_a_voxel_no_place_is_told(geometry, tmp_path):
    options = {"keep_empty_frames": True}
    whole = on(geometry)
    empty = replace(whole, layers=(replace(whole.layers[0], labels_kji=np.zeros_like(whole.layers[0].labels_kji)),))
    assert {one.id for one in findings(Row("", NOTE, lambda: empty, options=options), tmp_path)} == {"empty-segment"}


def test_what_a_series_description_cannot_hold_is_told(tmp_path):
    row = Row("", NOTE, lambda: a_segmentation(name="CT \u202e"))
    assert [one.what for one in findings(row, tmp_path)] == [
        "Series Description holds 64 characters of one line, without backslash and invisible marks: written as 'CT'."
    ]


def test_all_errors_are_told_at_once(tmp_path):
    row = Row("", ERROR, lambda: on(far_moved), options={"content_label": "lower case", "series_number": -1})
    assert [finding.id for finding in findings(row, tmp_path)] == ["invalid-option", "invalid-option", "outside-source"]


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("side", [1, -1])
def test_what_lies_wholly_beside_the_images_is_told_and_what_meets_them_is_not(axis, side, tmp_path):
    """Sizes are those of the whole grid, which all voxels fill: moved by 0.9 of that it meets the images."""

    def told(share: float) -> list[str]:
        move = np.zeros((4, 4))
        move[:3, 3] = side * share * A_GRID.kji_to_lps[:3, axis] * A_GRID.shape_kji[axis]
        row = Row("", NOTE, lambda: on(lambda to_lps: to_lps + move), options={"grid": Grid.SEGMENTATION})
        (folder := tmp_path / str(share)).mkdir()
        return [finding.told for finding in findings(row, folder) if finding.id == "away-from-images"]

    assert told(0.9) == []
    assert told(1.1) == [
        "Segmentation: No voxel of the segmentation lies within the images. Is it of another scan? Choose the series "
        "that was segmented, if that is not meant."
    ]


def test_of_a_segmentation_wholly_beside_the_images_its_own_grid_is_not_advised(tmp_path):
    (told,) = [one.help for one in findings(Row("", ERROR, lambda: on(of_another_scan)), tmp_path)]
    assert told == "Choose the series that was segmented."


def test_every_finding_has_a_row():
    """Of an export's; those of windows and of conversions have tests of their own."""
    folder = Path(SegRLEExportLib.__file__).parent
    files = [path for path in folder.rglob("*.py") if not {"slicer_side", "conversion"} & set(path.parts)]
    calls = (
        node
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and node.args
    )
    made = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}

    assert made
    assert made <= {row.id for row in ROWS}

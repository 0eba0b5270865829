"""The case set: small segmentations that have each misled some reader, written in every row of the table.

Images and segments are generated; nothing is read from anywhere. What the files must say is kept as `Truth`,
made from the arrays that were exported and never from a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import CTImageStorage
from SegRLEExportLib.encoding.plan import PLANS, EncodingPlan, Split
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.model.terminology import Code, SegmentTerminology
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.uids import derived_uid

Mask = NDArray[np.bool_]

_SPACING_MM = (2.5, 0.8, 0.7)
_ORIGIN_LPS = (-10.0, -20.0, 5.0)
_ORGAN = Code("SCT", "123037004", "Anatomical Structure")
_TYPES = (
    Code("SCT", "10200004", "Liver"),
    Code("SCT", "64033007", "Kidney"),
    Code("SCT", "78961009", "Spleen"),
)


@dataclass(frozen=True)
class Case:
    """One segmentation to be written in every encoding."""

    id: str
    what: str
    """For the page of results."""
    segmentation: Segmentation
    keep_empty_frames: bool = False


@dataclass(frozen=True)
class TrueSegment:
    """What a reader should find."""

    name: str
    type_code: str
    """Code Value (0008,0100) of its property type."""
    mask_kji: Mask


@dataclass(frozen=True)
class Truth:
    """What every file of a case must say together."""

    kji_to_lps: NDArray[np.float64]
    segments: dict[str, TrueSegment]
    """By name; names are unique in the case set."""


@dataclass(frozen=True)
class WrittenFile:
    """One file and which segment has which number in it."""

    path: Path
    names: dict[int, str]


@dataclass(frozen=True)
class WrittenCase:
    """One case in one encoding."""

    plan_id: str
    case_id: str
    truth: Truth
    files: tuple[WrittenFile, ...]

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file.path.stat().st_size for file in self.files)


def case_set() -> list[Case]:
    """Return every case."""
    return [
        Case("one-segment", "one segment, 64 x 64", apart(64, 64, ["Liver"])),
        Case("several-64x64", "three segments, 64 x 64", apart(64, 64, ["Liver", "Kidney", "Spleen"])),
        Case(
            "several-37x41",
            "three segments, 37 x 41: pixels not a multiple of 8",
            apart(37, 41, ["Liver", "Kidney", "Spleen"]),
        ),
        Case("overlapping", "three segments of which two overlap, 37 x 41", overlapping(37, 41)),
        Case(
            "empty-segment",
            "three segments, the second without a voxel, 64 x 64",
            apart(64, 64, ["Liver", "Nothing", "Spleen"], empty="Nothing"),
        ),
        Case(
            "empty-frames",
            "three segments, every plane kept, 37 x 41",
            apart(37, 41, ["Liver", "Kidney", "Spleen"]),
            keep_empty_frames=True,
        ),
        Case(
            "non-ascii-names",
            "names in Cyrillic, Chinese and Spanish, 64 x 64",
            apart(64, 64, ["Левая почка", "肝臓", "Bazo pequeño"]),
        ),
        Case("300-segments", "300 segments: label maps need 16 bits, 64 x 64", many(64, 64, 300)),
        Case(
            "oblique",
            "three segments on tilted planes, 37 x 41",
            apart(37, 41, ["Liver", "Kidney", "Spleen"], to_lps=_tilted()),
        ),
        Case("all-borders", "a segment that touches all borders around another, 37 x 41", _all_borders(37, 41)),
    ]


def write_case_set(folder: Path, plans: Iterable[EncodingPlan] = PLANS.values()) -> list[WrittenCase]:
    """Write every case in every encoding, and return what was written with what it must say."""
    return [
        _write(case, plan, folder / plan.id / case.id)
        for plan in plans
        for case in case_set()
        if not (plan.split is Split.EACH_SEGMENT and len(case.segmentation.segments) > 255)
    ]


def truth_of(segmentation: Segmentation) -> Truth:
    """Return what a reader of the whole segmentation should find."""
    segments = {}
    for segment in segmentation.segments:
        labels = segmentation.layers[segment.layer_index].labels_kji
        assert segment.terminology is not None
        code = segment.terminology.type.value
        segments[segment.name] = TrueSegment(segment.name, code, labels == segment.layer_value)
    return Truth(segmentation.layers[0].geometry.kji_to_lps, segments)


def source_of(geometry: Geometry) -> SourceSeries:
    """Return a CT series with one image in each k-plane of `geometry`."""
    stack = PlaneStack.of_geometry(geometry)
    frames = [SourceFrame(str(CTImageStorage), derived_uid("peers", "image", str(k))) for k in range(len(stack))]
    return SourceSeries(_ct_header(stack), tuple(frames), stack, slice_thickness_mm=_SPACING_MM[0])


def _write(case: Case, plan: EncodingPlan, folder: Path) -> WrittenCase:
    folder.mkdir(parents=True)
    options = ExportOptions(keep_empty_frames=case.keep_empty_frames, series_description=case.what)
    source = source_of(case.segmentation.layers[0].geometry)
    report = export(case.segmentation, source, folder, plan.id, options=options)
    files = tuple(WrittenFile(i.path, {s.number: s.name for s in i.segments}) for i in report.instances)
    return WrittenCase(plan.id, case.id, truth_of(case.segmentation), files)


def apart(
    rows: int, columns: int, names: list[str], *, empty: str = "", to_lps: NDArray[np.float64] | None = None
) -> Segmentation:
    """Return blobs that do not overlap, in one layer."""
    labels = np.zeros((9, rows, columns), dtype=np.uint8)
    for value, name in enumerate(names, start=1):
        if name != empty:
            labels[_blob(labels.shape, value)] = value
    segments = [_segment(name, 0, value) for value, name in enumerate(names, start=1)]
    return Segmentation("Organs", (_layer(labels, to_lps),), tuple(segments))


def overlapping(rows: int, columns: int) -> Segmentation:
    whole = np.zeros((9, rows, columns), dtype=np.uint8)
    whole[_blob(whole.shape, 1)] = 1
    whole[_blob(whole.shape, 2)] = 2
    part = np.zeros_like(whole)
    part[3:7, 8:15, 6:30] = 1
    segments = (_segment("Liver", 0, 1), _segment("Lesion", 1, 1), _segment("Kidney", 0, 2))
    return Segmentation("Organs", (_layer(whole), _layer(part)), segments)


def many(rows: int, columns: int, count: int) -> Segmentation:
    """Return bars of four voxels, each its own segment."""
    labels = np.zeros((2, rows, columns), dtype=np.uint16)
    for index in range(count):
        k, rest = divmod(index, 150)
        row, column = divmod(rest, 15)
        labels[k, row * 6 + 1, column * 4 : column * 4 + 3] = index + 1
        labels[k, row * 6 + 2, column * 4] = index + 1
    segments = [_segment(f"Segment {value:03d}", 0, value) for value in range(1, count + 1)]
    return Segmentation("Many", (_layer(labels),), tuple(segments))


def _all_borders(rows: int, columns: int) -> Segmentation:
    labels = np.ones((5, rows, columns), dtype=np.uint8)
    labels[1:-1, 4:-5, 3:-7] = 2
    return Segmentation("Shell", (_layer(labels),), (_segment("Shell", 0, 1), _segment("Core", 0, 2)))


def _blob(shape: tuple[int, ...], number: int) -> Mask:
    """Return an uneven ellipsoid, each number in a place of its own; mirrored, it is another."""
    centers = {1: (4, 0.3, 0.3), 2: (5, 0.7, 0.35), 3: (3, 0.45, 0.78)}
    at_k, at_row, at_column = centers[number]
    k, row, column = np.indices(shape)
    distance = ((k - at_k) / 3.1) ** 2
    distance += ((row / shape[1] - at_row) / 0.19) ** 2 + ((column / shape[2] - at_column) / 0.17) ** 2
    corner_cut = (row / shape[1] - at_row) + (column / shape[2] - at_column) > 0.16
    return np.asarray((distance <= 1) & ~corner_cut)


def _layer(labels: NDArray[np.uint8] | NDArray[np.uint16], to_lps: NDArray[np.float64] | None = None) -> Layer:
    k, j, i = labels.shape
    return Layer(labels, Geometry((k, j, i), _axial() if to_lps is None else to_lps))


def _segment(name: str, layer_index: int, value: int) -> Segment:
    terminology = SegmentTerminology(_ORGAN, _TYPES[(value - 1) % 3])
    color = (0.2 + 0.7 * (value % 3) / 3, 0.3 + 0.6 * (value % 7) / 7, 0.4)
    return Segment(f"id-{layer_index}-{value}", name, layer_index, value, color, terminology)


def _axial() -> NDArray[np.float64]:
    return np.array(
        [
            [0, 0, _SPACING_MM[2], _ORIGIN_LPS[0]],
            [0, _SPACING_MM[1], 0, _ORIGIN_LPS[1]],
            [_SPACING_MM[0], 0, 0, _ORIGIN_LPS[2]],
            [0, 0, 0, 1],
        ]
    )


def _tilted() -> NDArray[np.float64]:
    turn, tilt = np.deg2rad(20), np.deg2rad(-35)
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    to_lps = _axial()
    to_lps[:3, :3] = about_x @ about_z @ to_lps[:3, :3]
    return to_lps


def _ct_header(stack: PlaneStack) -> Dataset:
    header = Dataset()
    header.SOPClassUID = CTImageStorage
    header.SOPInstanceUID = derived_uid("peers", "image", "0")
    header.PatientName = "Peers^Case"
    header.PatientID = "PEERS"
    header.PatientBirthDate = ""
    header.PatientSex = "O"
    header.StudyInstanceUID = derived_uid("peers", "study")
    header.SeriesInstanceUID = derived_uid("peers", "series", *(repr(value) for value in stack.positions_lps[0]))
    header.FrameOfReferenceUID = derived_uid("peers", "frame of reference")
    header.StudyDate, header.StudyTime, header.StudyID, header.AccessionNumber = "20260101", "120000", "1", "A1"
    header.ReferringPhysicianName = ""
    header.Modality = "CT"
    header.SeriesNumber = 3
    header.SeriesDescription = "Generated"
    header.PositionReferenceIndicator = ""
    header.Rows, header.Columns = stack.rows, stack.columns
    return header

"""Mutants of the writer: whatever one mistake it makes, the check of the files it wrote must tell it.

Each mutant is one mistake, made by exchanging a function of the writer or a value on its way. It is tried in the two
most used encodings and one of the others in turn, on segments that overlap, share a layer, are empty, and have every
kind of code. `NOT_FOUND` has those that the check cannot see, each with the reason.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from builders import A_GRID, LEFT_KIDNEY, LIVER, a_source, a_sphere, fixed_options
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from SegRLEExportLib import export as trip
from SegRLEExportLib.dataset import build, functional_groups, header, segments
from SegRLEExportLib.encoding import bit_packing, encapsulation, rle
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import VerificationError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.segmentation import AlgorithmType, Layer, Segment, Segmentation
from SegRLEExportLib.model.terminology import Code, SegmentTerminology
from SegRLEExportLib.planes.pixels import LabelRuns
from SegRLEExportLib.planes.runs import Runs
from SegRLEExportLib.preflight import survey as preflight
from SegRLEExportLib.writing import instance as writing

LEAST_MUTANTS = 120
LEAST_FOUND = 0.97

NOT_FOUND: dict[str, str] = {}
"""Mutants that the check cannot see, with the reason."""

_OTHERS = [name for name in PLANS if name not in ("rle", "none")]


@dataclass(frozen=True)
class Mutant:
    """One mistake."""

    name: str
    make: Callable[[pytest.MonkeyPatch], None]
    encodings: tuple[str, ...] | None = None
    """In which it can be made; None for all."""


# ---- what is exported


def a_segmentation_of_all_kinds() -> Segmentation:
    """Two segments of one layer, one of another that overlaps them, and an empty one between."""
    labels = np.zeros(A_GRID.shape_kji, np.uint8)
    labels[1:6, 1:6, 1:4] = 1
    labels[2:8, 2:7, 5:] = 2
    region = SegmentTerminology(
        Code("SCT", "49755003", "Morphologically Altered Structure"),
        Code("SCT", "86049000", "Neoplasm, Primary"),
        Code("SCT", "24028007", "Right"),
        Code("SCT", "39607008", "Lung"),
        Code("SCT", "7771000", "Left"),
    )
    return Segmentation(
        "All kinds",
        (Layer(labels, A_GRID), Layer(a_sphere().astype(np.uint8), A_GRID), Layer(np.zeros_like(labels), A_GRID)),
        (
            Segment("a", "liver", 0, 1, (0.9, 0.1, 0.2), LIVER, "said", AlgorithmType.AUTOMATIC, "net"),
            Segment("b", "empty one", 2, 1, (0.3, 0.3, 0.9), LEFT_KIDNEY, "", AlgorithmType.MANUAL),
            Segment("c", "kidney", 0, 2, (0.1, 0.8, 0.3), LEFT_KIDNEY, "", AlgorithmType.SEMIAUTOMATIC),
            Segment("d", "tumor", 1, 1, (0.5, 0.4, 0.7), region, "grown", AlgorithmType.MANUAL),
        ),
    )


def a_source_of_all_kinds():
    """A series whose header has something for every module that a SEG takes over."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "77477000", "SCT", "CT"
    other_id = Dataset()
    other_id.PatientID, other_id.TypeOfPatientID = "P-9", "TEXT"
    return a_source(
        PatientAge="056Y",
        PatientWeight="71.5",
        OtherPatientIDsSequence=[other_id],
        StudyDescription="Abdomen",
        ProcedureCodeSequence=[code],
        ClinicalTrialSponsorName="Nobody",
        ClinicalTrialProtocolID="T-1",
        ClinicalTrialSubjectID="S-1",
        PregnancyStatus=4,
        BodyPartExamined="ABDOMEN",
    )


def files_of(folder: Path, encoding: str) -> list[bytes]:
    """Export; return the files in their order."""
    paths = export(
        a_segmentation_of_all_kinds(), a_source_of_all_kinds(), folder, encoding, options=fixed_options()
    ).paths
    return [path.read_bytes() for path in paths]


# ---- mistakes in attributes above the frames


def on_header(change: Callable[[Dataset], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake that changes the dataset before it becomes bytes; raw sequences are not looked at."""

    def make(patch: pytest.MonkeyPatch) -> None:
        right = build.top_level

        def mistaken(contents):
            dataset = right(contents)
            change(dataset)
            return dataset

        patch.setattr(build, "top_level", mistaken)

    return make


def drop(keyword: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        if keyword in dataset:
            delattr(dataset, keyword)

    return change


def spoil(keyword: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        if keyword in dataset:
            dataset[keyword].value = another(dataset[keyword].value, dictionary_VR(keyword))

    return change


def another(value: object, vr: str) -> object:
    """Return another value of that kind."""
    if vr == "SQ":
        return [*value, Dataset()]  # type: ignore[misc]
    if vr == "UI":
        return f"{value}.9"
    if isinstance(value, int):
        return value + 1
    texts = {"DA": "19111111", "TM": "030405", "AS": "011M", "DS": "3.25", "IS": "77", "CS": "OTHER"}
    return texts.get(vr, f"{value or ''}X")


COPIED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientWeight", "PregnancyStatus"),
    *("OtherPatientIDsSequence", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"),
    *("AccessionNumber", "ReferringPhysicianName", "ProcedureCodeSequence", "FrameOfReferenceUID"),
    *("PositionReferenceIndicator", "ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialSubjectID"),
    *("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName", "BodyPartExamined"),
)
OF_THE_FILE = (
    *("SOPClassUID", "SOPInstanceUID", "InstanceCreationDate", "InstanceCreationTime", "ImageType", "InstanceNumber"),
    *("Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "SeriesDate", "SeriesTime"),
    *("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"),
    *("ContentDate", "ContentTime", "ContentLabel", "ContentDescription", "ContentCreatorName"),
    *("NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "LossyImageCompression", "SegmentationType", "SegmentsOverlap"),
    *("DimensionOrganizationSequence", "DimensionIndexSequence", "SharedFunctionalGroupsSequence"),
)
NOT_ALWAYS = {
    "PixelPaddingValue": ("rle", "labelmap", "labelmap-deflate"),
    "SegmentationFractionalType": ("rle-per-segment",),
    "MaximumFractionalValue": ("rle-per-segment",),
}

HEADER = [
    *(Mutant(f"{keyword} dropped", on_header(drop(keyword))) for keyword in (*COPIED, *OF_THE_FILE)),
    *(Mutant(f"{keyword} wrong", on_header(spoil(keyword))) for keyword in (*COPIED, *OF_THE_FILE)),
    *(Mutant(f"{keyword} dropped", on_header(drop(keyword)), where) for keyword, where in NOT_ALWAYS.items()),
    *(Mutant(f"{keyword} wrong", on_header(spoil(keyword)), where) for keyword, where in NOT_ALWAYS.items()),
]


def somebody_else(dataset: Dataset) -> None:
    dataset.PatientName, dataset.PatientID, dataset.StudyInstanceUID = "Other^One", "P-2", "1.2.3"


def with_more(dataset: Dataset) -> None:
    dataset.PatientComments = "said in private"


def numbers_of_floats(dataset: Dataset) -> None:
    dataset.SeriesNumber = 103 if dataset.SeriesNumber != 103 else 104
    dataset.SeriesDescription = "All kinds"


def in_the_order_of_nobody(dataset: Dataset) -> None:
    dataset.DimensionIndexSequence[0].DimensionIndexPointer = 0x00200037


def of_two_organizations(dataset: Dataset) -> None:
    dataset.DimensionIndexSequence[-1].DimensionOrganizationUID = "1.2.3.4"


def with_a_character_set(dataset: Dataset) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 100"


def without_places(dataset: Dataset) -> None:
    for tag in ((0x0063, 0x0010), (0x0063, 0x1001)):
        if tag in dataset:
            del dataset[tag]


def other_places(dataset: Dataset) -> None:
    if (0x0063, 0x1001) in dataset:
        places = dataset[0x0063, 0x1001]
        places.value = places.value + 1 if isinstance(places.value, int) else [*places.value][::-1]


HEADER += [
    Mutant("places of segments dropped", on_header(without_places)),
    Mutant("places of segments wrong", on_header(other_places)),
    Mutant("patient and study of somebody else", on_header(somebody_else)),
    Mutant("an attribute that nobody asked for", on_header(with_more)),
    Mutant("series numbers as if each file was alone", on_header(numbers_of_floats), ("rle", "rle-per-segment")),
    Mutant("dimension of another attribute", on_header(in_the_order_of_nobody)),
    Mutant("dimensions of two organizations", on_header(of_two_organizations)),
    Mutant("another character set", on_header(with_a_character_set)),
]


def on_measures(change: Callable[[Dataset], None]) -> Callable[[pytest.MonkeyPatch], None]:
    return on_header(lambda dataset: change(dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]))


def on_orientation(values: list[float]) -> Callable[[pytest.MonkeyPatch], None]:
    def change(dataset: Dataset) -> None:
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.PlaneOrientationSequence[0].ImageOrientationPatient = values

    return on_header(change)


def scaled(keyword: str, factor: float) -> Callable[[Dataset], None]:
    def change(measures: Dataset) -> None:
        value = measures[keyword].value
        is_one = not hasattr(value, "__len__")
        scaled_value = factor * float(value) if is_one else [float(part) * factor for part in value]
        setattr(measures, keyword, scaled_value)

    return change


def exchanged(measures: Dataset) -> None:
    measures.PixelSpacing = list(reversed(measures.PixelSpacing))


PLACES = [
    Mutant("pixel spacing 1.5 percent too wide", on_measures(scaled("PixelSpacing", 1.015))),
    Mutant("row and column spacing exchanged", on_measures(exchanged)),
    Mutant("slice thickness ten times", on_measures(scaled("SliceThickness", 10))),
    Mutant("slice thickness dropped", on_measures(drop("SliceThickness"))),
    Mutant("spacing between slices doubled", on_measures(scaled("SpacingBetweenSlices", 2))),
    Mutant("spacing between slices halved", on_measures(scaled("SpacingBetweenSlices", 0.5))),
    Mutant("spacing between slices a percent too wide", on_measures(scaled("SpacingBetweenSlices", 1.01))),
    Mutant("spacing between slices dropped", on_measures(drop("SpacingBetweenSlices"))),
    Mutant("rows turned round", on_orientation([-1, 0, 0, 0, 1, 0])),
    Mutant("rows and columns exchanged", on_orientation([0, 1, 0, 1, 0, 0])),
    Mutant("turned by a hundredth of a degree", on_orientation([0.99999998, 0.000174, 0, -0.000174, 0.99999998, 0])),
]


# ---- mistakes about segments


def on_segment(change) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake that changes what an item says; `change(described)` returns it changed."""

    def make(patch: pytest.MonkeyPatch) -> None:
        right = segments._described
        patch.setattr(segments, "_described", lambda number, *others: change(right(number, *others)))

    return make


def with_field(**fields: object):
    return on_segment(lambda described: replace(described, **fields) if described.number == 1 else described)


def rotated(*names: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake that gives each segment what the next one should have."""

    def make(patch: pytest.MonkeyPatch) -> None:
        right = segments._described
        given = a_segmentation_of_all_kinds().segments

        def mistaken(number, segment, *others):
            after = given[(given.index(segment) + 1) % len(given)]
            taken = right(number, after, *others)
            return replace(right(number, segment, *others), **{name: getattr(taken, name) for name in names})

        patch.setattr(segments, "_described", mistaken)

    return make


def with_codes(change) -> Callable[[pytest.MonkeyPatch], None]:
    return on_segment(lambda described: replace(described, codes=change(described.codes)))


def numbers_exchanged(described):
    return replace(described, number={1: 2, 2: 1}.get(described.number, described.number))


SEVERAL = ("none", "deflate", "rle-binary")
"""Encodings that put all segments into one file."""

SEGMENTS = [
    Mutant("names rotated", rotated("label")),
    Mutant("codes rotated", rotated("codes")),
    Mutant("colors rotated", rotated("color_lab")),
    Mutant("algorithms rotated", rotated("algorithm_type", "algorithm_name")),
    Mutant("tracking UIDs rotated", rotated("tracking_uid")),
    Mutant("tracking IDs rotated", rotated("tracking_id")),
    Mutant("everything but the numbers rotated", rotated("label", "codes", "color_lab", "tracking_uid", "tracking_id")),
    Mutant("numbers 1 and 2 exchanged", on_segment(numbers_exchanged), (*SEVERAL, "rle", "labelmap")),
    Mutant("numbers from 0", on_segment(lambda described: replace(described, number=described.number - 1))),
    Mutant("a name cut", with_field(label="l")),
    Mutant("a name empty", with_field(label="")),
    Mutant("a description lost", on_segment(lambda described: replace(described, description=""))),
    Mutant("a description made up", with_field(description="made up")),
    Mutant("algorithm type wrong", with_field(algorithm_type=AlgorithmType.SEMIAUTOMATIC)),
    Mutant("algorithm name lost", with_field(algorithm_name="")),
    Mutant("a color black", with_field(color_lab=(0, 32896, 32896))),
    Mutant("colors dropped", with_field(color_lab=())),
    Mutant(
        "a color slightly off",
        on_segment(lambda d: replace(d, color_lab=(d.color_lab[0] + 900, *d.color_lab[1:]))),
    ),
    Mutant("color axes exchanged", on_segment(lambda d: replace(d, color_lab=(d.color_lab[0], *d.color_lab[:0:-1])))),
    Mutant("tracking dropped", with_field(tracking_uid="")),
    Mutant("tracking UID new at each export", with_field(tracking_uid="2.25.77")),
    Mutant("every code Brain", with_codes(lambda codes: replace(codes, type=Code("SCT", "12738006", "Brain")))),
    Mutant("category as type", with_codes(lambda codes: replace(codes, type=codes.category))),
    Mutant("type modifiers dropped", with_codes(lambda codes: replace(codes, type_modifier=None))),
    Mutant("regions dropped", with_codes(lambda codes: replace(codes, region=None))),
    Mutant("region modifiers dropped", with_codes(lambda codes: replace(codes, region_modifier=None))),
    Mutant("code schemes wrong", with_codes(lambda codes: replace(codes, type=replace(codes.type, scheme="SRT")))),
    Mutant("code meanings wrong", with_codes(lambda codes: replace(codes, type=replace(codes.type, meaning="Thing")))),
]


# ---- mistakes in dividing and planning


def on_divide(change) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake in the plan of the files; `change` gets and returns the instances."""

    def make(patch: pytest.MonkeyPatch) -> None:
        right = preflight.divide
        patch.setattr(preflight, "divide", lambda *given, **options: change(right(*given, **options)))

    return make


def on_each(change) -> Callable[[pytest.MonkeyPatch], None]:
    return on_divide(lambda instances: [change(one) for one in instances])


def without_last_segment(instances):
    *others, last = instances
    if len(last.segment_positions) == 1:
        return others
    kept = last.frame_segment_numbers < len(last.segment_positions)
    return [
        *others,
        replace(
            last,
            segment_positions=last.segment_positions[:-1],
            frame_segment_numbers=last.frame_segment_numbers[kept],
            frame_planes=last.frame_planes[kept],
        ),
    ]


def without_first_segment(instances):
    first, *others = instances
    kept = first.frame_segment_numbers > 1
    moved = replace(
        first,
        segment_positions=first.segment_positions[1:],
        frame_segment_numbers=first.frame_segment_numbers[kept] - 1,
        frame_planes=first.frame_planes[kept],
    )
    return [moved, *others]


def frames_without(chosen):
    def change(one):
        kept = np.ones(one.frame_count, bool)
        kept[chosen] = False
        return replace(one, frame_segment_numbers=one.frame_segment_numbers[kept], frame_planes=one.frame_planes[kept])

    return on_each(change)


def with_doubled_frame(one):
    again = [0, *range(one.frame_count)]
    return replace(one, frame_segment_numbers=one.frame_segment_numbers[again], frame_planes=one.frame_planes[again])


def in_reverse(one):
    return replace(
        one, frame_segment_numbers=one.frame_segment_numbers[::-1].copy(), frame_planes=one.frame_planes[::-1].copy()
    )


def by_plane(one):
    order = np.lexsort((one.frame_segment_numbers, one.frame_planes))
    return replace(one, frame_segment_numbers=one.frame_segment_numbers[order], frame_planes=one.frame_planes[order])


def segments_in_reverse(one):
    return replace(one, segment_positions=one.segment_positions[::-1])


def empty_ones_first(instances):
    *others, last = instances
    if 1 not in last.segment_positions or len(last.segment_positions) == 1:
        first, *others = instances
        return [empty_first(first), *others]
    return [*others, empty_first(last)]


def empty_first(one):
    positions = tuple(sorted(one.segment_positions))
    number_of = {position: number for number, position in enumerate(positions, start=1)}
    old = [0, *(number_of[position] for position in one.segment_positions)]
    numbers = np.array([old[number] for number in one.frame_segment_numbers])
    order = np.lexsort((one.frame_planes, numbers))
    return replace(
        one, segment_positions=positions, frame_segment_numbers=numbers[order], frame_planes=one.frame_planes[order]
    )


def another_overlap(one):
    return replace(one, segments_overlap=not one.segments_overlap)


def twice_the_first(instances):
    first = instances[0]
    return [*instances, replace(first, number=len(instances) + 1)]


LABEL_MAPS = ("rle", "labelmap", "labelmap-deflate")

PLANNING = [
    Mutant("the last segment lost", on_divide(without_last_segment)),
    Mutant("the first segment lost", on_divide(without_first_segment), SEVERAL),
    Mutant("the last file lost", on_divide(lambda instances: instances[:-1]), ("rle", "labelmap", "rle-per-segment")),
    Mutant("the first file lost", on_divide(lambda instances: instances[1:]), ("rle", "labelmap", "rle-per-segment")),
    Mutant("a file twice", on_divide(twice_the_first)),
    Mutant("files in reverse", on_divide(lambda instances: instances[::-1]), ("rle", "rle-per-segment")),
    Mutant("the first frame lost", frames_without([0])),
    Mutant("the last frame lost", frames_without([-1])),
    Mutant("a frame in the middle lost", frames_without([2])),
    Mutant("a frame twice", on_each(with_doubled_frame)),
    Mutant("frames in reverse", on_each(in_reverse)),
    Mutant("frames by plane", on_each(by_plane), SEVERAL),
    Mutant("segments in reverse", on_each(segments_in_reverse), (*SEVERAL, *LABEL_MAPS)),
    Mutant("segments without voxels not last", on_divide(empty_ones_first), (*SEVERAL, *LABEL_MAPS)),
    Mutant("overlap told wrongly", on_each(another_overlap)),
]


def patched(owner: object, name: str, make_mistaken) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake that exchanges a function; `make_mistaken` gets the right one."""
    return lambda patch: patch.setattr(owner, name, make_mistaken(getattr(owner, name)))


def afterwards(owner: object, name: str, change) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake that changes what a function returns."""
    return patched(owner, name, lambda right: lambda *given, **options: change(right(*given, **options)))


def voxels_lost(index):
    index.voxels[0, np.flatnonzero(index.voxels[0])[0]] = 0
    return index


def source_frames_of(change) -> Callable[[pytest.MonkeyPatch], None]:
    return afterwards(preflight, "matching_frames", change)


PLANNING += [
    Mutant("voxels of a plane overlooked", afterwards(preflight, "index_frames", voxels_lost)),
    Mutant("overlaps overlooked", afterwards(preflight, "find_overlaps", lambda _: {})),
    Mutant("sources shifted by one", source_frames_of(lambda frames: [*frames[1:], frames[0]])),
    Mutant("sources in reverse", source_frames_of(lambda frames: frames[::-1])),
    Mutant("half of the sources dropped", source_frames_of(lambda frames: [*frames[:5], *[None] * (len(frames) - 5)])),
    Mutant(
        "every second source dropped", source_frames_of(lambda f: [one if n % 2 else None for n, one in enumerate(f)])
    ),
    Mutant("no sources", source_frames_of(lambda frames: [None] * len(frames))),
    Mutant("sources 9.9.9", source_frames_of(lambda f: [one._replace(sop_instance_uid="9.9.9") for one in f])),
    Mutant("one source for all", source_frames_of(lambda frames: [frames[0]] * len(frames))),
    Mutant(
        "sources of another class",
        source_frames_of(lambda f: [one._replace(sop_class_uid="1.2.840.10008.5.1.4.1.1.4") for one in f]),
    ),
    Mutant("source frame numbers made up", source_frames_of(lambda f: [one._replace(frame_number=1) for one in f])),
    Mutant("thickness made up", patched(preflight, "slice_thickness", lambda _: lambda *_: (5.0, []))),
]


# ---- mistakes in frame groups and references


def bytes_replaced(name: str, old: bytes, new: bytes) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake in a template of frame groups."""

    def make(patch: pytest.MonkeyPatch) -> None:
        right = getattr(functional_groups, name)
        assert old in right
        patch.setattr(functional_groups, name, right.replace(old, new))

    return make


def with_extra_group(right):
    """Later frames have an orientation of their own."""

    def mistaken(stack, plane):
        orientation = functional_groups.text_element(0x00200037, "DS", "0\\1\\0\\1\\0\\0 ")
        extra = functional_groups.sequence(0x00209116, orientation)
        return right(stack, plane) + (extra if plane > 3 else b"")

    return mistaken


def with_extra_measures(right):
    def mistaken(stack, plane):
        spacing = functional_groups.text_element(0x00280030, "DS", "1\\1")
        return right(stack, plane) + functional_groups.sequence(0x00289110, spacing)

    return mistaken


def shifted_position(mm: float, only_plane: int | None = None):
    def make_mistaken(right):
        def mistaken(stack, plane):
            moved = stack.positions_lps.copy()
            if only_plane is None or plane == only_plane:
                moved[plane, 2] += mm
            return right(replace(stack, positions_lps=moved), plane)

        return mistaken

    return make_mistaken


def other_plane(right):
    return lambda stack, plane: right(stack, (plane + 1) % len(stack))


def indices_shifted(right):
    def mistaken(self, segment_number, plane):
        self._rank_of = {one: rank for rank, one in enumerate(sorted(self._rank_of), start=2)}
        return right(self, segment_number, plane)

    return mistaken


def wrong_number(right):
    def mistaken(self, segment_number, plane):
        return right(self, max(1, segment_number - 1), plane)

    return mistaken


def number_only_in_indices(right):
    class Struct:
        size = 2

        @staticmethod
        def pack(_):
            return (1).to_bytes(2, "little")

    del right
    return Struct


FRAMES = [
    Mutant(
        "an orientation of their own for later frames", patched(functional_groups, "_plane_position", with_extra_group)
    ),
    Mutant("a spacing of their own for frames", patched(functional_groups, "_plane_position", with_extra_measures)),
    Mutant("positions half a millimetre off", patched(functional_groups, "_plane_position", shifted_position(0.5))),
    Mutant("positions ten micrometres off", patched(functional_groups, "_plane_position", shifted_position(0.01))),
    Mutant("one position off", patched(functional_groups, "_plane_position", shifted_position(0.3, 4))),
    Mutant("positions of the next plane", patched(functional_groups, "_plane_position", other_plane)),
    Mutant("dimension indices from 2", patched(functional_groups.FrameGroups, "_item", indices_shifted)),
    Mutant("frames of the segment before", patched(functional_groups.FrameGroups, "_item", wrong_number), SEVERAL),
    Mutant("all frames of segment 1", patched(functional_groups, "_SEGMENT_NUMBER", number_only_in_indices), SEVERAL),
    Mutant("purpose of reference wrong", bytes_replaced("_PURPOSE_OF_REFERENCE", b"121322", b"121329")),
    Mutant("spatial locations not preserved", bytes_replaced("_PURPOSE_OF_REFERENCE", b"YES ", b"NO  ")),
    Mutant("derivation wrong", bytes_replaced("_DERIVATION", b"113076", b"113040")),
]


def on_references(change) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake in Referenced Series Sequence; `change` gets and returns the images."""
    return patched(header, "referenced_series", lambda right: lambda uid, frames: right(uid, change(frames)))


FRAMES += [
    Mutant("half of the references dropped", on_references(lambda frames: frames[: len(frames) // 2])),
    Mutant("a reference dropped", on_references(lambda frames: frames[:-1])),
    Mutant(
        "references 9.9.9",
        on_references(lambda f: [one._replace(sop_instance_uid=f"9.9.{n}") for n, one in enumerate(f)]),
    ),
    Mutant("a reference 9.9.9", on_references(lambda f: [*f[:-1], f[-1]._replace(sop_instance_uid="9.9.9")])),
    Mutant("references of another class", on_references(lambda f: [one._replace(sop_class_uid="1.2.3") for one in f])),
    Mutant(
        "references to another series",
        patched(header, "referenced_series", lambda right: lambda uid, frames: right(uid + ".1", frames)),
    ),
]


# ---- mistakes in pixels


def on_runs(change) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake in planes of labels; `change` gets and returns the pixels."""

    def make_mistaken(right):
        def mistaken(self, plane_index):
            pixels = change(right(self, plane_index).pixels().copy(), plane_index)
            return writing_runs(pixels)

        return mistaken

    return patched(LabelRuns, "plane", make_mistaken)


def writing_runs(pixels) -> Runs:
    rows, columns = pixels.shape
    flat = np.ascontiguousarray(pixels).reshape(-1)
    starts = np.arange(flat.size)
    return Runs(flat, starts, rows, columns)


def one_pixel(pixels, plane):
    if plane == 3:
        pixels[4, 3] = 0 if pixels[4, 3] else pixels.max()
    return pixels


RUNS = ("rle", "labelmap", "labelmap-deflate", "rle-per-segment", "rle-binary")
BITS = ("none", "deflate")


def packed_otherwise(change) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake in packed bits; `change` gets and returns a piece as bytes."""

    def make_mistaken(right):
        return lambda *given: (change(bytes(piece)) for piece in right(*given))

    return patched(bit_packing, "pack_frames", make_mistaken)


def bits_reversed(piece: bytes) -> bytes:
    return np.packbits(np.unpackbits(np.frombuffer(piece, np.uint8), bitorder="little")).tobytes()


def bit_flipped(piece: bytes) -> bytes:
    return piece[:-1] + bytes([piece[-1] ^ 1])


def encoded_otherwise(change) -> Callable[[pytest.MonkeyPatch], None]:
    return afterwards(rle, "encode_runs", change)


RLE = ("rle", "rle-per-segment", "rle-binary")

PIXELS = [
    Mutant("a pixel flipped", on_runs(one_pixel), RUNS),
    Mutant("planes mirrored", on_runs(lambda pixels, _: pixels[:, ::-1]), RUNS),
    Mutant("planes upside down", on_runs(lambda pixels, _: pixels[::-1]), RUNS),
    Mutant("planes a column off", on_runs(lambda pixels, _: np.roll(pixels, 1, axis=1)), RUNS),
    Mutant("planes a row off", on_runs(lambda pixels, _: np.roll(pixels, 1, axis=0)), RUNS),
    Mutant("planes blank", on_runs(lambda pixels, _: pixels * 0), RUNS),
    Mutant("a plane blank", on_runs(lambda pixels, plane: pixels * (plane != 4)), RUNS),
    Mutant("labels one higher", on_runs(lambda pixels, _: pixels + (pixels > 0)), LABEL_MAPS),
    Mutant(
        "labels 1 and 2 exchanged",
        on_runs(lambda pixels, _: np.array([0, 2, 1, 3], pixels.dtype)[pixels]),
        ("rle", "labelmap"),
    ),
    Mutant(
        "planes of the next one",
        patched(LabelRuns, "plane", lambda right: lambda self, plane: right(self, max(plane - 1, 0))),
        RUNS,
    ),
    Mutant("bits in the other order", packed_otherwise(bits_reversed), BITS),
    Mutant("a bit flipped", packed_otherwise(bit_flipped), BITS),
    Mutant("bits inverted", packed_otherwise(lambda piece: bytes(255 - byte for byte in piece)), BITS),
    Mutant("runs cut short", encoded_otherwise(lambda encoded: encoded[:-2]), RLE),
    Mutant("runs with a byte more", encoded_otherwise(lambda encoded: encoded + b"\0"), RLE),
    Mutant(
        "a run longer",
        encoded_otherwise(lambda encoded: encoded[:64] + bytes([encoded[64] - 1 & 255]) + encoded[65:]),
        RLE,
    ),
    Mutant("the header of runs wrong", encoded_otherwise(lambda encoded: b"\2" + encoded[1:]), RLE),
]


# ---- mistakes in the file around


def on_file_head(change) -> Callable[[pytest.MonkeyPatch], None]:
    return afterwards(build, "file_head", change)


def with_plan(**fields: object) -> Callable[[pytest.MonkeyPatch], None]:
    """Return the mistake that writes with another row than was chosen."""

    def make(patch: pytest.MonkeyPatch) -> None:
        right = trip.drafts_of
        patch.setattr(trip, "drafts_of", lambda plan, *others: right(replace(plan, **fields), *others))

    return make


def offsets_wrong(right):
    return lambda self: right(self)[:-4] + b"\2\0\0\0"


def more_behind(right):
    def mistaken(sink, *given):
        right(sink, *given)
        sink.write(b"\0\0")

    return mistaken


AROUND = [
    Mutant(
        "transfer syntax of another encoding",
        on_file_head(lambda head: head.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4\0")),
        ("none", "labelmap"),
    ),
    Mutant("SOP class of meta wrong", on_file_head(lambda head: head.replace(b"5.1.4.1.1.66.", b"5.1.4.1.1.67."))),
    Mutant("SOP instance of meta wrong", on_file_head(lambda head: head.replace(b"2.25.100", b"2.25.999"))),
    Mutant("preamble not empty", on_file_head(lambda head: b"II*\0" + head[4:])),
    Mutant(
        "implementation of somebody else", on_file_head(lambda head: head.replace(b"SEGRLEEXPORT_1", b"OFFIS_DCMTK_36"))
    ),
    Mutant("fractions of 1", with_plan(full_value=1), ("rle-per-segment",)),
    Mutant(
        "the type of another row",
        with_plan(segmentation_type=PLANS["rle-per-segment"].segmentation_type),
        ("rle-binary",),
    ),
    Mutant("an offset wrong", patched(encapsulation.OffsetTable, "basic", offsets_wrong), RLE),
    Mutant("bytes behind the pixels", patched(writing, "write_native_pixel_data", more_behind), ("none", "labelmap")),
]

MUTANTS = [*HEADER, *PLACES, *SEGMENTS, *PLANNING, *FRAMES, *PIXELS, *AROUND]


# ---- the trial


def encodings_of(number: int, mutant: Mutant) -> list[str]:
    """Return the encodings in which a mutant is tried: up to three, in turn."""
    if mutant.encodings is None:
        return ["rle", "none", _OTHERS[number % len(_OTHERS)]]
    turned = [*mutant.encodings[number % len(mutant.encodings) :], *mutant.encodings]
    return list(dict.fromkeys(turned))[:3]


def is_found(mutant: Mutant, encoding: str, folder: Path, right: list[bytes]) -> bool | None:
    """Return whether the check tells it; None if the mistake makes no difference to any file."""
    with pytest.MonkeyPatch.context() as patch:
        mutant.make(patch)
        try:
            files = files_of(folder, encoding)
        except VerificationError:
            return True
    return None if files == right else False


@pytest.fixture(scope="module")
def right_files(tmp_path_factory) -> dict[str, list[bytes]]:
    """What is written where no mistake is made."""
    folder = tmp_path_factory.mktemp("right")
    return {encoding: files_of(folder / encoding, encoding) for encoding in PLANS}


@pytest.mark.parametrize(("number", "mutant"), list(enumerate(MUTANTS)), ids=[mutant.name for mutant in MUTANTS])
def test_a_mutant_of_the_writer_is_found(number, mutant, tmp_path, right_files):
    found = {
        encoding: is_found(mutant, encoding, tmp_path / encoding, right_files[encoding])
        for encoding in encodings_of(number, mutant)
    }

    assert set(found.values()) != {None}, "the mutant changes nothing"
    assert (False not in found.values()) == (mutant.name not in NOT_FOUND), found


def test_mutants_are_many_and_nearly_all_are_found():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= LEAST_MUTANTS
    assert set(NOT_FOUND) <= {mutant.name for mutant in MUTANTS}
    assert 1 - len(NOT_FOUND) / len(MUTANTS) >= LEAST_FOUND


def test_every_encoding_is_tried():
    tried = itertools.chain.from_iterable(encodings_of(number, mutant) for number, mutant in enumerate(MUTANTS))

    assert set(tried) == set(PLANS)

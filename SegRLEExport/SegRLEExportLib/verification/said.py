"""What a file says of itself, its segments and images, beside what a segmentation and a series say.

Of a file of this program everything is compared but what only the caller of its export knew; of others what any SEG of
the segmentation must say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.model.segmentation import Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions, Grid
from SegRLEExportLib.reading.elements import EXPLICIT
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.reading.segments import SegmentRecord
from SegRLEExportLib.verification.expectation import Anything, Expectation, differences, name_of, shown
from SegRLEExportLib.verification.expected_frames import ExpectedFrames
from SegRLEExportLib.verification.expected_header import (
    FORMS,
    PROGRAM_UID,
    expected_header,
    expected_meta,
    told_character_set,
)
from SegRLEExportLib.verification.expected_segments import expected_segment
from SegRLEExportLib.verification.expected_source import doubtful, expected_source
from SegRLEExportLib.verification.expected_texts import LONG_STRING, cut, in_one_line
from SegRLEExportLib.verification.order import OneFile, Order
from SegRLEExportLib.verification.placing import SAME_PLACE_PIXELS, are_on_images
from SegRLEExportLib.verification.stated import NotStatedError, Stated, stated_by, stated_in

_CALLERS_OWN = (
    *("SeriesInstanceUID", "SOPInstanceUID", "SeriesNumber", "SeriesDescription", "SeriesDate", "SeriesTime"),
    *("InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime", "SoftwareVersions"),
    *("ContentLabel", "ContentDescription", "ContentCreatorName", "SegmentsOverlap"),
)
"""What only the export knew: new UIDs, the clock, the caller's texts."""

_OURS = {
    "Manufacturer": "SegRLEExport",
    "ManufacturerModelName": "SegRLEExport for 3D Slicer",
    "DeviceSerialNumber": PROGRAM_UID,
}
"""What tells a file of this program, each alone."""

_TYPES = ("BINARY", "FRACTIONAL", "LABELMAP")
_OF_EVERY_SEG = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
)
_TEXTS_NOT_COMPARED = (
    "new UIDs, dates and times, series number and description, content label, description and creator, tracking"
)
_MADE_UP_NAME = re.compile(r"Label (\d+)")
_ITEM_LIMIT = 5


@dataclass(frozen=True)
class Difference:
    """Something that differs beside the voxels that are counted."""

    kind: str
    """One word or two: names, numbers, codes, patient and study, references, places."""
    what: str
    """A clause."""
    where: str = ""
    """The frame or segment that it is said of, where others may have the same; empty if it is neither."""
    file: str = ""
    """Its name; empty if `what` says it."""


@dataclass
class AttributeCheck:
    """The comparison of what one file says."""

    seg: SegFile
    segmentation: Segmentation
    source: SourceSeries | None
    position_of: dict[int, int]
    """The position of each segment that has a partner, by its number."""
    empty: set[int]
    """Positions of segments without voxels."""
    pixel_fault: str = ""
    """What DICOM does not allow in the way pixels are stored, though they can be read."""
    remarks: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)

    def differences(self) -> Iterator[Difference]:
        """Yield all that differs."""
        header, fault = self._stated()
        plan_id = self._plan_id()
        says_ours = any(header.one(keyword) == text for keyword, text in _OURS.items())
        is_ours = says_ours and plan_id is not None
        for wrong in filter(None, (fault, self.pixel_fault)) if is_ours else ():
            yield Difference("form", wrong, file=self.seg.path.name)
        if self.pixel_fault and not is_ours:
            self.remarks.append(f"{self.seg.path.name}: {self.pixel_fault}")
        if self.seg.segmentation_type not in _TYPES:
            yield Difference("form", f"{self.seg.path.name} is {self.seg.segmentation_type!r}, no kind of segmentation")
        elif says_ours and plan_id is None:
            self.remarks.append(f"{self.seg.path.name} was stored anew by another program, which may say other things")
        yield from self._names()
        yield from self._numbers()
        if is_ours:
            yield from self._to_the_letter(header)
        else:
            yield from self._codes()
            yield from self._of_any_program(header)

    def _stated(self) -> tuple[Stated, str]:
        """Return the file's attributes, and what is wrong with the way they are stored, if it is not as we do."""
        if self.seg.header.coding == EXPLICIT:
            try:
                return stated_in(self.seg.header.attribute_bytes), ""
            except (NotStatedError, UnicodeDecodeError) as error:
                return stated_by(self.seg.dataset), str(error)
        return stated_by(self.seg.dataset), "its attributes are not stored in Explicit VR Little Endian"

    def _plan_id(self) -> str | None:
        """Return the encoding whose type and transfer syntax the file has."""
        kind = self.seg.segmentation_type, str(self.seg.transfer_syntax)
        return next(
            (name for name, form in FORMS.items() if (form.segmentation_type, form.transfer_syntax) == kind), None
        )

    # -- segments

    def _partners(self) -> Iterator[tuple[SegmentRecord, int, Segment]]:
        for record in self.seg.segments:
            if record.number in self.position_of:
                position = self.position_of[record.number]
                yield record, position, self.segmentation.segments[position]

    def _names(self) -> Iterator[Difference]:
        for record, _, segment in self._partners():
            wanted = cut(in_one_line(segment.name) or f"Segment {record.number}", LONG_STRING)
            if record.label == wanted:
                continue
            if has_no_name(segment):
                self.not_compared.append("names and codes of segments that have none, as in a label map")
            else:
                yield Difference("names", f"'{segment.name}' is called '{record.label}' in {self.seg.path.name}")

    def _numbers(self) -> Iterator[Difference]:
        """Segments are numbered in their order, those without voxels last, or with the labels themselves."""
        partners = list(self._partners())
        if len(partners) < len(self.seg.segments) or all(
            record.number == segment.layer_value for record, _, segment in partners
        ):
            return
        ordered = sorted(partners, key=lambda partner: (partner[1] in self.empty, partner[1]))
        for wanted, (record, _, segment) in enumerate(ordered, start=1):
            if record.number != wanted:
                what = f"Segment Number is {record.number}, and should be {wanted}"
                yield Difference("numbers", what, f"'{segment.name}'", self.seg.path.name)

    def _codes(self) -> Iterator[Difference]:
        """Compare scheme and value of codes, where both have them; meanings are words."""
        for record, _, segment in self._partners():
            if segment.terminology is None:
                self.not_compared.append("codes of segments that have none")
                continue
            found, wanted = record.terminology, segment.terminology
            pairs = {} if found is None else vars(found)
            for name, code in vars(wanted).items():
                other = pairs.get(name)
                if (code and (code.scheme, code.value)) != (other and (other.scheme, other.value)):
                    says = "nothing" if other is None else f"{other.meaning} ({other.scheme} {other.value})"
                    due = "nothing" if code is None else f"{code.meaning} ({code.scheme} {code.value})"
                    what = f"{name} is {says}, not {due}"
                    yield Difference("codes", what, f"'{segment.name}'", self.seg.path.name)

    # -- files of this program

    def _to_the_letter(self, header: Stated) -> Iterator[Difference]:
        """Compare everything with what the export of this segmentation would have been checked against."""
        order = self._order()
        frames = self._frames(order)
        file = OneFile(1, 1, str(header.one("SeriesInstanceUID")), str(header.one("SOPInstanceUID")))
        wanted: dict[str, Any] = {
            **expected_header(order, file, frames, self._largest_number()),
            **{keyword: Anything() for keyword in _CALLERS_OWN},
        }
        if header.one("SpecificCharacterSet") is not None:
            wanted["SpecificCharacterSet"] = Anything()
        if self.source is None:
            wanted |= self._without_series(header)
        for sentence in differences(header, wanted):
            yield Difference(_kind_of(sentence), sentence, file=self.seg.path.name)
        if fault := told_character_set(header):
            yield Difference("form", fault, file=self.seg.path.name)
        yield from self._meta(order, file)
        yield from self._described(header)
        yield from self._groups(frames)
        self.not_compared.append(_TEXTS_NOT_COMPARED)
        if order.told and self.source is not None:
            names = ", ".join(sorted(name_of(keyword) for keyword in order.told))
            self.not_compared.append(f"what the series says in a way that is not valid ({names})")

    def _largest_number(self) -> int:
        """Return the largest Segment Number there should be: their count, unless they are the labels themselves."""
        if all(record.number == segment.layer_value for record, _, segment in self._partners()):
            return max((record.number for record in self.seg.segments), default=0)
        return len(self.seg.segments)

    def _order(self) -> Order:
        plan = PLANS[self._plan_id() or ""]
        source = self.source if self.source is not None else self._source_of_the_file()
        is_own_grid = self.source is not None and not are_on_images(self.seg.planes[0], self.source)
        options = ExportOptions(grid=Grid.SEGMENTATION if is_own_grid else Grid.SOURCE)
        told = () if self.source is None else tuple(sorted(doubtful(self.source.header)))
        return Order(self.segmentation, source, options, plan, datetime(1970, 1, 1), (), told)

    def _source_of_the_file(self) -> SourceSeries:
        """Return the images as the file says that they lie, where no series is there to tell."""
        from pydicom import Dataset

        from SegRLEExportLib.model.source_series import SourceFrame

        stack, _ = self.seg.planes
        unknown = [SourceFrame("", "")] * len(stack)
        return SourceSeries(Dataset(), tuple(unknown if stack.has_place else self.seg.images_without_place), stack)

    def _frames(self, order: Order) -> ExpectedFrames:
        is_label_map = self.seg.is_label_map
        near = SAME_PLACE_PIXELS * min(self.seg.planes[0].pixel_spacing_mm)
        is_exact = order.options.grid is Grid.SOURCE
        return ExpectedFrames.of(
            order, is_label_map=is_label_map, same_place_mm=near, tolerance=1e-9 if is_exact else 1e-5
        )

    def _without_series(self, header: Stated) -> Expectation:
        """Return what is wanted of all that only the series could tell."""
        from_source = (*expected_source(self._source_of_the_file(), ()), "ReferencedSeriesSequence")
        known = {keyword for keyword in header if keyword not in _COMPARED_WITHOUT_SERIES}
        anything = {keyword: Anything(may_be_absent=True) for keyword in (*from_source, *known)}
        return anything | {"SharedFunctionalGroupsSequence": [_ANY_GROUPS if self.seg.has_place else {}]}

    def _meta(self, order: Order, file: OneFile) -> Iterator[Difference]:
        head = self.seg.header.file_head
        meta = stated_in(head[132:])
        wanted = {
            **expected_meta(order, file),
            "ImplementationVersionName": Anything(),
            "ImplementationClassUID": Anything(),
        }
        for sentence in differences(meta, wanted):
            yield Difference("form", sentence, file=self.seg.path.name)
        if not head.startswith(bytes(128)):
            yield Difference("form", f"{self.seg.path.name} does not begin with 128 zeros")

    def _described(self, header: Stated) -> Iterator[Difference]:
        for item in header.items("SegmentSequence"):
            number = item.one("SegmentNumber")
            position = self.position_of.get(number)
            if position is None:
                continue
            segment = self.segmentation.segments[position]
            wanted = dict(expected_segment(segment, number, self.segmentation, ""))
            wanted |= {"TrackingID": Anything(), "TrackingUID": Anything(), "SegmentLabel": Anything()}
            wanted["SpecificCharacterSet"] = Anything(may_be_absent=True)
            if has_no_name(segment) and item.one("SegmentLabel") != wanted_label(segment):
                continue
            for sentence in differences(item, wanted):
                kind = "codes" if "Code" in sentence else "segments"
                yield Difference(kind, sentence, f"'{segment.name}'", self.seg.path.name)

    def _groups(self, frames: ExpectedFrames) -> Iterator[Difference]:
        """Compare what each frame says: place, image, indices."""
        records = self.seg.frames
        planes = frames.planes_of(records.places)
        for place, plane, content, frame in zip(records.places, planes, records.contents, records.first_frame_of_place):
            name = f"frame {frame}"
            if plane is None:
                where = f"lies at {place.position_lps}" if place.position_lps else "names an image"
                yield Difference("places", f"it {where}, where no plane is", name, self.seg.path.name)
                continue
            if self.source is None:
                groups = dict(frames.groups(plane)) | {"DerivationImageSequence": Anything()}
                sentences = differences(stated_in(content), groups)
            else:
                sentences = frames.group_differences(plane, content)
            for sentence in sentences:
                kind = "references" if "Derivation" in sentence else "places"
                yield Difference(kind, sentence, name, self.seg.path.name)
        found = [(number, planes[place]) for number, place in zip(records.segment_numbers, records.place_of_frame)]
        known = [(number, plane) for number, plane in found if plane is not None]
        if len(known) == len(found) and records.dimension_indices != frames.dimension_indices(known):
            yield Difference("frames", f"the dimension indices of {self.seg.path.name} are not those of its frames")

    # -- files of other programs

    def _of_any_program(self, header: Stated) -> Iterator[Difference]:
        """Compare patient, study and images with the series."""
        self.not_compared.append(
            "colors, algorithms, tracking, dimensions, thickness and all else that this program says in its own way"
        )
        if self.source is None:
            return
        told = doubtful(self.source.header)
        wanted = expected_source(self.source, told)
        for keyword in _OF_EVERY_SEG:
            if keyword not in wanted:
                continue
            expected = wanted[keyword]
            found = header.get(keyword)
            accepted = expected.accepts(found) if hasattr(expected, "accepts") else (found or ()) == _tuple(expected)
            if not accepted:
                name, due = name_of(keyword), shown(expected)
                what = f"{name} of {self.seg.path.name} is {shown(found)}, that of the series {due}"
                yield Difference("patient and study", what)
        yield from self._images(self.source)

    def _images(self, source: SourceSeries) -> Iterator[Difference]:
        known = {frame.sop_instance_uid for frame in source.frames}
        referenced = self.seg.referenced_instance_uids
        name = self.seg.path.name
        if not referenced:
            yield Difference("references", f"{name} refers to no images")
        if referenced - known:
            yield Difference(
                "references", f"{name} refers to {len(referenced - known)} images that are not in the series"
            )
        if not self.seg.has_place:
            return
        heights = source.stack.positions_lps @ source.stack.normal_lps
        image_at = {frame.sop_instance_uid: heights[n] for n, frame in enumerate(source.frames)}
        gap = float(np.ptp(heights)) / max(1, len(heights) - 1)
        told = 0
        for place in self.seg.frames.places:
            for image in place.sources if len(place.sources) == 1 else ():
                height = float(np.array(place.position_lps) @ source.stack.normal_lps)
                is_near = abs(image_at.get(image.sop_instance_uid, np.inf) - height) <= max(gap / 2, 1e-3)
                told += not is_near and image.frame_number is None
        if told:
            yield Difference("references", f"{told} frames of {name} name an image that does not lie where they do")


_COMPARED_WITHOUT_SERIES = frozenset(
    (
        *("SOPClassUID", "ImageType", "Modality", "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber"),
        *("InstanceNumber", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"),
        *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
        *("SegmentationType", "SegmentSequence", "SegmentationFractionalType", "MaximumFractionalValue"),
        *("PixelPaddingValue", "DimensionOrganizationSequence", "DimensionIndexSequence"),
    )
)
_ANY_GROUPS: Expectation = {
    "PixelMeasuresSequence": [
        {
            "SliceThickness": Anything(),
            "PixelSpacing": Anything(),
            "SpacingBetweenSlices": Anything(may_be_absent=True),
        }
    ],
    "PlaneOrientationSequence": [{"ImageOrientationPatient": Anything()}],
}


def has_no_name(segment: Segment) -> bool:
    """Tell whether a segment is a label of a label map, which has neither name nor code."""
    match = _MADE_UP_NAME.fullmatch(segment.name)
    return segment.terminology is None and match is not None and int(match[1]) == segment.layer_value


def wanted_label(segment: Segment) -> str:
    """Return the Segment Label of a segment that has a name."""
    return cut(in_one_line(segment.name), LONG_STRING)


def _kind_of(sentence: str) -> str:
    """Return the word for a difference in the header."""
    if sentence.startswith("Referenced Series"):
        return "references"
    if sentence.startswith("Shared Functional Groups"):
        return "places"
    return "patient and study" if re.match(r"(Patient|Study|Frame of Ref|Accession|Clinical)", sentence) else "form"


def _tuple(value: object) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)

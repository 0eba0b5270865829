"""What a file of ours says of itself as a whole, told a second time (PS3.3, A.51, C.7.6.17 and C.8.20; PS3.10, 7.1).

To be read as the specification of our files; nothing here is taken from the code that writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import SegRLEExportLib
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.source_series import SourceFrame, text_of
from SegRLEExportLib.verification.expectation import Anything, Expectation, NewUid, differences, shown
from SegRLEExportLib.verification.expected_frames import ExpectedFrames
from SegRLEExportLib.verification.expected_source import CopiedText, expected_source, lossy_compression
from SegRLEExportLib.verification.expected_texts import LONG_STRING, UTF_8, cut, in_one_line
from SegRLEExportLib.verification.order import OneFile, Order
from SegRLEExportLib.verification.stated import PLACES, PLACES_CREATOR, Items, Stated, Value


class Form(NamedTuple):
    """What one encoding is."""

    segmentation_type: str
    sop_class: str
    transfer_syntax: str
    bits: int
    """Bits a pixel; of label maps 8, or 16 for more than 255 segments."""
    full_value: int
    """What a pixel of a segment holds where each has frames of its own."""
    has_file_each: bool = False
    """Whether each segment has a file of its own."""


_SEGMENTATION, _LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
_EXPLICIT, _DEFLATED, _RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"

FORMS = {
    "rle": Form("LABELMAP", _LABEL_MAP_SEGMENTATION, _RLE, 8, 0),
    "labelmap": Form("LABELMAP", _LABEL_MAP_SEGMENTATION, _EXPLICIT, 8, 0),
    "labelmap-deflate": Form("LABELMAP", _LABEL_MAP_SEGMENTATION, _DEFLATED, 8, 0),
    "none": Form("BINARY", _SEGMENTATION, _EXPLICIT, 1, 1),
    "deflate": Form("BINARY", _SEGMENTATION, _DEFLATED, 1, 1),
    "rle-binary": Form("BINARY", _SEGMENTATION, _RLE, 1, 1),
    "rle-per-segment": Form("FRACTIONAL", _SEGMENTATION, _RLE, 8, 255, has_file_each=True),
}
"""By id of the row in the table of encodings."""

PROGRAM_UID = "2.25.61104873640310712047327541932714305267"

_MOST_PLACES = 2**15 - 1
_LARGEST_SERIES_NUMBER = 2**31 - 1
_SOURCE_SERIES_NUMBER_PLUS = 100


def bits_of(form: Form, segment_count: int) -> int:
    """Return Bits Allocated (0028,0100)."""
    return 16 if form.segmentation_type == "LABELMAP" and segment_count > 255 else form.bits


def expected_meta(order: Order, file: OneFile) -> Expectation:
    """Return what File Meta Information is to say."""
    form = FORMS[order.plan.id]
    return {
        "FileMetaInformationGroupLength": Anything(),
        "FileMetaInformationVersion": b"\0\1",
        "MediaStorageSOPClassUID": form.sop_class,
        "MediaStorageSOPInstanceUID": file.sop_uid,
        "TransferSyntaxUID": form.transfer_syntax,
        "ImplementationClassUID": PROGRAM_UID,
        "ImplementationVersionName": "SEGRLEEXPORT_1",
    }


def expected_header(order: Order, file: OneFile, frames: ExpectedFrames, segment_count: int) -> Expectation:
    """Return what everything above the frames is to say, but for the segments."""
    return {
        **expected_source(order.source, order.told),
        **_series(order, file),
        **_equipment(),
        **_image(order, file),
        **_pixels(order, frames, segment_count),
        **_kind(order),
        **_dimensions(order, file),
        "ReferencedSeriesSequence": [_references(order, frames)],
        "SharedFunctionalGroupsSequence": [frames.shared_groups()],
        "SegmentSequence": Anything(),
        PLACES_CREATOR: Anything(may_be_absent=True),
        PLACES: Anything(may_be_absent=True),
    }


def expected_places(positions: Sequence[int]) -> Expectation:
    """Return what is to tell the places of a file's segments in the segmentation, where their numbers do not."""
    if list(positions) == [*range(len(positions))] or len(positions) > _MOST_PLACES:
        return {}
    return {PLACES_CREATOR: "SegRLEExport", PLACES: tuple(position + 1 for position in positions)}


def _series(order: Order, file: OneFile) -> Expectation:
    """Each file is a series of its own; their numbers follow each other, their descriptions say which it is."""
    options = order.options
    end = f" {file.number} of {file.count}" if file.count > 1 else ""
    description = cut(in_one_line(options.series_description or order.segmentation.name), LONG_STRING - len(end))
    first = options.series_number if options.series_number is not None else _after_source(order)
    return {
        "Modality": "SEG",
        "SeriesInstanceUID": file.series_uid,
        "SeriesNumber": str(min(first + file.number - 1, _LARGEST_SERIES_NUMBER)),
        "SeriesDescription": _text((description + end).lstrip()),
        "SeriesDate": _date(order),
        "SeriesTime": _time(order),
    }


def _after_source(order: Order) -> int:
    try:
        number = int(text_of(order.source.header, "SeriesNumber"))
    except ValueError:
        number = 0
    return min(max(number, 0) + _SOURCE_SERIES_NUMBER_PLUS, _LARGEST_SERIES_NUMBER)


def _equipment() -> Expectation:
    return {
        "Manufacturer": "SegRLEExport",
        "ManufacturerModelName": "SegRLEExport for 3D Slicer",
        "DeviceSerialNumber": PROGRAM_UID,
        "SoftwareVersions": SegRLEExportLib.__version__,
    }


def _image(order: Order, file: OneFile) -> Expectation:
    options = order.options
    return {
        "SOPClassUID": FORMS[order.plan.id].sop_class,
        "SOPInstanceUID": file.sop_uid,
        "InstanceCreationDate": _date(order),
        "InstanceCreationTime": _time(order),
        "InstanceNumber": "1",
        "ImageType": ("DERIVED", "PRIMARY"),
        "ContentDate": _date(order),
        "ContentTime": _time(order),
        "ContentLabel": options.content_label,
        "ContentDescription": _text(cut(in_one_line(options.content_description), LONG_STRING)),
        "ContentCreatorName": _text(re.sub("=+$", "", options.content_creator_name)),
    }


def _pixels(order: Order, frames: ExpectedFrames, segment_count: int) -> Expectation:
    """Return Image Pixel (C.7.6.3); how many frames there are is known when each was looked at."""
    bits = bits_of(FORMS[order.plan.id], segment_count)
    return {
        "NumberOfFrames": Anything(),
        "Rows": frames.rows,
        "Columns": frames.columns,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        **lossy_compression(order.source),
    }


def _kind(order: Order) -> Expectation:
    """Return what depends on the type: 0 is nobody's in a label map, 255 the whole of a fraction."""
    segmentation_type = FORMS[order.plan.id].segmentation_type
    wanted: dict[str, Any] = {"SegmentationType": segmentation_type, "SegmentsOverlap": Anything()}
    if segmentation_type == "LABELMAP":
        wanted |= {"SegmentsOverlap": "NO", "PixelPaddingValue": 0}
    if segmentation_type == "FRACTIONAL":
        wanted |= {"SegmentationFractionalType": "PROBABILITY", "MaximumFractionalValue": 255}
    return wanted


def _dimensions(order: Order, file: OneFile) -> Expectation:
    """Frames are in order by segment, but in a label map, and by position, or the number of an image without one."""
    organization = NewUid(frozenset((file.sop_uid, file.series_uid, order.source.series_instance_uid)))
    position = {
        "DimensionOrganizationUID": organization,
        "DimensionIndexPointer": 0x00200032,
        "FunctionalGroupPointer": 0x00209113,
        "DimensionDescriptionLabel": "Image Position Patient",
    }
    if not order.source.stack.has_place:
        position |= {
            "DimensionIndexPointer": 0x00209057,
            "FunctionalGroupPointer": 0x00209111,
            "DimensionDescriptionLabel": "In-Stack Position Number",
        }
    segment = {
        "DimensionOrganizationUID": organization,
        "DimensionIndexPointer": 0x0062000B,
        "FunctionalGroupPointer": 0x0062000A,
        "DimensionDescriptionLabel": "Segment Number",
    }
    is_label_map = FORMS[order.plan.id].segmentation_type == "LABELMAP"
    return {
        "DimensionOrganizationSequence": [{"DimensionOrganizationUID": organization}],
        "DimensionIndexSequence": [position] if is_label_map else [segment, position],
    }


def _references(order: Order, frames: ExpectedFrames) -> Expectation:
    """Return the series and its images, each once: those on whose planes frames may lie, all where there are none."""
    on_planes = [source for source in frames.sources if source is not None]
    images: dict[str, SourceFrame] = {frame.sop_instance_uid: frame for frame in on_planes or order.source.frames}
    return {
        "ReferencedInstanceSequence": References(tuple(images.values())),
        "SeriesInstanceUID": order.source.series_instance_uid,
    }


@dataclass(frozen=True)
class References:
    """Referenced Instance Sequence (0008,114A): class and instance of each image, in their order."""

    images: tuple[SourceFrame, ...]

    def accepts(self, found: Value | None) -> bool:
        """Tell whether these and no others are named; items that differ in the instance alone are compared by bytes."""
        if not isinstance(found, Items) or len(found) != len(self.images):
            return False
        right: set[tuple[str, bytes, bytes]] = set()
        for number, (content, image) in enumerate(zip(found.contents(), self.images)):
            before, uid, behind = content.partition(image.sop_instance_uid.encode())
            rest = (image.sop_class_uid, before, behind)
            if rest not in right or not uid:
                if next(differences(found[number], _reference(image)), None) is not None:
                    return False
                right.add(rest)
        return True

    def difference_of(self, found: Value | None) -> str:
        """Return what is not as it should be, as what is said of the attribute; empty if it has as good as none."""
        if not isinstance(found, Items):
            return ""
        if len(found) != len(self.images):
            return f"is {shown(found)}, and should have one for each of {counted(len(self.images), 'image')}"
        for number, (item, image) in enumerate(zip(found, self.images), start=1):
            for difference in differences(item, _reference(image), f"{number}, "):
                return difference
        return ""

    def __str__(self) -> str:
        return counted(len(self.images), "image")


def _reference(image: SourceFrame) -> Expectation:
    return {"ReferencedSOPClassUID": image.sop_class_uid, "ReferencedSOPInstanceUID": image.sop_instance_uid}


def told_character_set(header: Stated) -> str | None:
    """Return what is wrong with Specific Character Set: it is there where a text is not ASCII, and says UTF-8."""
    wanted = (UTF_8,) if not all(text.isascii() for text in _texts(header)) else None
    found = header.get("SpecificCharacterSet")
    return None if found == wanted else f"Specific Character Set is {shown(found)}, and should be {shown(wanted)}"


def dimension_uids(header: Stated) -> set[str]:
    """Return the UIDs of the organization of dimensions, which must be one."""
    items = [*header.items("DimensionOrganizationSequence"), *header.items("DimensionIndexSequence")]
    return {item.one("DimensionOrganizationUID") for item in items}


def _texts(stated: Stated) -> Iterator[str]:
    """Yield all texts, but for the UIDs of the images, which are many and of digits."""
    for keyword, value in stated.values.items():
        for part in value if keyword != "ReferencedSeriesSequence" else ():
            if isinstance(part, Stated):
                yield from _texts(part)
            elif isinstance(part, str):
                yield part


def _text(text: str) -> object:
    """Return what is wanted of a text that may be empty."""
    return CopiedText((text.strip(),), "LO") if text.strip() else ()


def _date(order: Order) -> str:
    return f"{order.now:%Y%m%d}"


def _time(order: Order) -> str:
    return f"{order.now:%H%M%S.%f}"

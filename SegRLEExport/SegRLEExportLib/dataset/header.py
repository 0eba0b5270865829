"""The attributes of a SEG above its frames (PS3.3, A.51 and C.8.20): series, equipment, image, dimensions."""

from __future__ import annotations

from datetime import datetime

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.multival import MultiValue
from pydicom.tag import Tag

import SegRLEExportLib
from SegRLEExportLib.dataset.contents import Contents, SeriesIdentity
from SegRLEExportLib.dataset.explicit_vr import item, sequence, text_element
from SegRLEExportLib.dataset.functional_groups import reference_item
from SegRLEExportLib.dataset.repair import repaired_value
from SegRLEExportLib.dataset.segment_texts import one_line
from SegRLEExportLib.encoding.plan import SegmentationType
from SegRLEExportLib.model.source_series import SourceFrame, text_of
from SegRLEExportLib.options import SERIES_NUMBER_STEP, ExportOptions

MANUFACTURER = "SegRLEExport"
PRODUCT_UID = "2.25.61104873640310712047327541932714305267"
"""Names this program in Device Serial Number and Implementation Class UID; made once, never changed."""

DESCRIPTION_LENGTH = 64
"""Series Description (0008,103E) is an LO."""

_LARGEST_NUMBER = 2**31 - 1
"""Series Number is an IS (PS3.5, 6.2)."""

_LARGEST_SOURCE_NUMBER = _LARGEST_NUMBER - SERIES_NUMBER_STEP

_SERIES_INSTANCE_UID = 0x0020000E
_REFERENCED_INSTANCE_SEQUENCE = 0x0008114A


def series_and_equipment(
    options: ExportOptions, identity: SeriesIdentity, segmentation_name: str, source: Dataset
) -> Dataset:
    """Return General Series, Segmentation Series and Enhanced General Equipment (C.7.3.1, C.8.20.1, C.7.5.2)."""
    dataset = Dataset()
    dataset.Modality = "SEG"
    dataset.SeriesInstanceUID = identity.series_uid
    dataset.SeriesNumber = min(series_number(options, source) + identity.number - 1, _LARGEST_NUMBER)
    dataset.SeriesDescription = series_description(options, identity, segmentation_name)
    dataset.SeriesDate, dataset.SeriesTime = _date(identity.now), _time(identity.now)
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = "SegRLEExport for 3D Slicer"
    dataset.DeviceSerialNumber = PRODUCT_UID
    dataset.SoftwareVersions = SegRLEExportLib.__version__
    return dataset


def series_description(options: ExportOptions, identity: SeriesIdentity, segmentation_name: str) -> str:
    """Return Series Description; where there are several series it ends in which this is."""
    return described_series(options.series_description or segmentation_name, identity.number, identity.count)


def described_series(name: str, number: int = 1, count: int = 1) -> str:
    """Return what Series Description (0008,103E) says of a name for the file `number` of `count`: one line, cut."""
    end = f" {number} of {count}" if count > 1 else ""
    return (one_line(name)[: DESCRIPTION_LENGTH - len(end)].rstrip() + end).lstrip()


def series_number(options: ExportOptions, source: Dataset) -> int:
    """Return Series Number (0020,0011) as the caller wants it, or else one behind the source's."""
    if options.series_number is not None:
        return options.series_number
    try:
        source_number = int(text_of(source, "SeriesNumber"))
    except ValueError:
        return SERIES_NUMBER_STEP
    return max(0, min(source_number, _LARGEST_SOURCE_NUMBER)) + SERIES_NUMBER_STEP


def segmentation_image(contents: Contents) -> Dataset:
    """Return SOP Common, General Image, Image Pixel and Segmentation Image (C.12.1, C.7.6.1, C.7.6.3, C.8.20.2)."""
    plan, instance, options, now = contents.plan, contents.instance, contents.options, contents.identity.now
    bits, stack = contents.bits_allocated, contents.stack
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = plan.sop_class, contents.sop_uid
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = _date(now), _time(now)
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.InstanceNumber = 1
    dataset.ContentDate, dataset.ContentTime = _date(now), _time(now)
    dataset.ContentLabel = options.content_label
    dataset.ContentDescription = one_line(options.content_description)[:64].rstrip()
    dataset.ContentCreatorName = _without_empty_groups(options.content_creator_name)
    dataset.NumberOfFrames = instance.frame_count
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stack.rows, stack.columns
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    dataset.update(_lossy_compression(contents.source.header))
    dataset.SegmentationType = plan.segmentation_type.value
    dataset.SegmentsOverlap = "YES" if instance.segments_overlap else "NO"
    if plan.is_label_map:
        dataset.PixelPaddingValue = 0
        dataset["PixelPaddingValue"].VR = "US"
    if plan.segmentation_type is SegmentationType.FRACTIONAL:
        dataset.SegmentationFractionalType = "PROBABILITY"
        dataset.MaximumFractionalValue = plan.full_value
    return dataset


def _without_empty_groups(person_name: str) -> str:
    """Return a name without separators behind which no group of components comes (PS3.5, 6.2.1)."""
    return person_name.rstrip("=").rstrip()


def _lossy_compression(source: Dataset) -> Dataset:
    """Return what is said of lossy compression: drawn on images that lost something, it stays so (C.7.6.1.1.5)."""
    dataset = Dataset()
    dataset.LossyImageCompression = "01" if text_of(source, "LossyImageCompression").strip() == "01" else "00"
    if dataset.LossyImageCompression == "01":
        for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            if texts := _valid_texts(source, keyword):
                setattr(dataset, keyword, texts)
    return dataset


def _valid_texts(source: Dataset, keyword: str) -> list[str]:
    """Return the values of an attribute of texts; none if there is none, or one that its VR does not allow."""
    try:
        value = source.get(keyword)
        texts = [str(part) for part in (value if isinstance(value, MultiValue) else [value]) if part is not None]
    except Exception:  # pydicom raises whatever the conversion of a damaged value raises
        return []
    repaired = [repaired_value(dictionary_VR(keyword), text) for text in texts]
    return [one.value for one in repaired if one.value] if not any(one.reason for one in repaired) else []


def dimensions(dimension_uid: str, *, is_label_map: bool, has_place: bool) -> Dataset:
    """Return Multi-frame Dimension (C.7.6.17): by segment, but for label maps, then by position.

    Images without a place have their number in a stack for it.
    """
    organization = Dataset()
    organization.DimensionOrganizationUID = dimension_uid
    position = _dimension(dimension_uid, "Image Position Patient", "ImagePositionPatient", "PlanePositionSequence")
    if not has_place:
        position = _dimension(
            dimension_uid, "In-Stack Position Number", "InStackPositionNumber", "FrameContentSequence"
        )
    segment = _dimension(dimension_uid, "Segment Number", "ReferencedSegmentNumber", "SegmentIdentificationSequence")
    dataset = Dataset()
    dataset.DimensionOrganizationSequence = [organization]
    dataset.DimensionIndexSequence = [position] if is_label_map else [segment, position]
    return dataset


def referenced_series(series_uid: str, source_frames: list[SourceFrame]) -> bytes:
    """Return the item of Referenced Series Sequence (0008,1115), naming each source instance once (C.12.2)."""
    by_instance = {frame.sop_instance_uid: frame for frame in source_frames}
    references = (reference_item(frame) for frame in by_instance.values())
    return item(
        sequence(_REFERENCED_INSTANCE_SEQUENCE, *references) + text_element(_SERIES_INSTANCE_UID, "UI", series_uid)
    )


def _dimension(dimension_uid: str, label: str, index: str, group: str) -> Dataset:
    dimension = Dataset()
    dimension.DimensionOrganizationUID = dimension_uid
    dimension.DimensionIndexPointer = Tag(index)
    dimension.FunctionalGroupPointer = Tag(group)
    dimension.DimensionDescriptionLabel = label
    return dimension


def _date(now: datetime) -> str:
    return now.strftime("%Y%m%d")


def _time(now: datetime) -> str:
    return now.strftime("%H%M%S.%f")

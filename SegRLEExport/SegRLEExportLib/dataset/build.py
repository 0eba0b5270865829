"""The SEG dataset, joined from its parts, as bytes up to Pixel Data.

All of it but the per-frame groups is small and written by pydicom; those are streamed.
"""

from __future__ import annotations

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID

from SegRLEExportLib.dataset import functional_groups, header, segments
from SegRLEExportLib.dataset.explicit_vr import element
from SegRLEExportLib.draft import Draft
from SegRLEExportLib.encoding.plan import EncodingPlan

_PREAMBLE = bytes(128) + b"DICM"
_REFERENCED_SERIES_SEQUENCE = 0x00081115


def file_head(plan: EncodingPlan, sop_uid: str) -> bytes:
    """Return preamble and File Meta Information (PS3.10, 7.1)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = plan.sop_class
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    meta.TransferSyntaxUID = plan.transfer_syntax
    meta.ImplementationClassUID = UID(header.PRODUCT_UID)
    meta.ImplementationVersionName = "SEGRLEEXPORT_1"
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, False
    write_file_meta_info(written, meta, enforce_standard=True)
    return _PREAMBLE + written.getvalue()


def top_level(draft: Draft) -> Dataset:
    """Return every attribute below Per-Frame Functional Groups Sequence (5200,9230)."""
    plan, found, instance = draft.plan, draft.survey, draft.instance
    source = found.source
    dataset = Dataset()
    for part in (
        found.copied,
        header.series_and_equipment(draft.options, draft.identity, found.segmentation.name, source.header),
        header.segmentation_image(draft, found.stack),
        header.dimensions(draft.identity.dimension_uid, is_label_map=plan.is_label_map),
    ):
        dataset.update(part)
    dataset.SegmentSequence = segments.segment_items(
        found.segmentation, instance.segment_positions, source.series_instance_uid, with_background=plan.is_label_map
    )
    dataset.SharedFunctionalGroupsSequence = [functional_groups.shared_groups(found.stack, source.slice_thickness_mm)]
    referenced = [frame for frame in found.source_frames if frame is not None] or list(source.frames)
    dataset[_REFERENCED_SERIES_SEQUENCE] = header.referenced_series(source.series_instance_uid, referenced)
    set_character_set(dataset)
    return dataset


def encoded_top_level(dataset: Dataset) -> bytes:
    """Return the dataset in Explicit VR Little Endian.

    The references to hundreds of images are bytes already; pydicom would parse them to write them again.
    """
    character_set = dataset.get("SpecificCharacterSet") or "ISO_IR 6"
    references = dataset.get_item(_REFERENCED_SERIES_SEQUENCE)
    return (
        _encoded(dataset[:_REFERENCED_SERIES_SEQUENCE], character_set)
        + element(_REFERENCED_SERIES_SEQUENCE, "SQ", references.value)
        + _encoded(dataset[_REFERENCED_SERIES_SEQUENCE + 1 :], character_set)
    )


def _encoded(dataset: Dataset, character_set: str) -> bytes:
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, False
    write_dataset(written, dataset, character_set)
    return written.getvalue()


def set_character_set(dataset: Dataset) -> None:
    """Say UTF-8 where a text needs it, and nothing where all is ASCII (PS3.3, C.12.1.1.2)."""
    if not _is_ascii(dataset):
        dataset.SpecificCharacterSet = "ISO_IR 192"


def _is_ascii(dataset: Dataset) -> bool:
    for tag in dataset.keys():
        attribute = dataset.get_item(tag)
        if attribute.is_raw:
            continue
        if attribute.VR == "SQ":
            if not all(_is_ascii(item) for item in attribute.value):
                return False
        elif not str(attribute.value).isascii():
            return False
    return True

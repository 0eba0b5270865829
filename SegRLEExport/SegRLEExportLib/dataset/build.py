"""The SEG dataset, joined from its parts, as bytes up to Pixel Data.

What is small is written by pydicom; segments and references to images come as bytes, per-frame groups are streamed.
"""

from __future__ import annotations

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.tag import Tag
from pydicom.uid import UID

from SegRLEExportLib.dataset import functional_groups, header, segments
from SegRLEExportLib.dataset.contents import Contents
from SegRLEExportLib.dataset.explicit_vr import UTF_8, element
from SegRLEExportLib.encoding.plan import EncodingPlan

_PREAMBLE = bytes(128) + b"DICM"
_REFERENCED_SERIES_SEQUENCE = 0x00081115
_SEGMENT_SEQUENCE = 0x00620002
_READY_SEQUENCES = (_REFERENCED_SERIES_SEQUENCE, _SEGMENT_SEQUENCE)
"""Those that are made as bytes, in the order of their tags."""


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


def top_level(contents: Contents) -> Dataset:
    """Return every attribute below Per-Frame Functional Groups Sequence (5200,9230)."""
    plan, source, segmentation = contents.plan, contents.source, contents.segmentation
    dataset = Dataset()
    for part in (
        contents.copied,
        header.series_and_equipment(contents.options, contents.identity, segmentation.name, source.header),
        header.segmentation_image(contents),
        header.dimensions(
            contents.identity.dimension_uid, is_label_map=plan.is_label_map, has_place=contents.stack.has_place
        ),
        segments.places_in_the_export(list(contents.instance.numbers)),
    ):
        dataset.update(part)
    described = segments.encoded_segments(segmentation, contents.instance.numbers, source.series_instance_uid)
    dataset[_SEGMENT_SEQUENCE] = _ready_sequence(_SEGMENT_SEQUENCE, described.items)
    dataset.SharedFunctionalGroupsSequence = [
        functional_groups.shared_groups(contents.stack, contents.slice_thickness_mm)
    ]
    referenced = [frame for frame in contents.source_frames if frame is not None] or list(source.frames)
    dataset[_REFERENCED_SERIES_SEQUENCE] = _ready_sequence(
        _REFERENCED_SERIES_SEQUENCE, header.referenced_series(source.series_instance_uid, referenced)
    )
    if not described.is_ascii or not is_ascii(dataset):
        dataset.SpecificCharacterSet = UTF_8
    return dataset


def encoded_top_level(dataset: Dataset) -> bytes:
    """Return the dataset in Explicit VR Little Endian.

    The long sequences are bytes already; pydicom would parse them to write them again.
    """
    character_set = dataset.get("SpecificCharacterSet") or "ISO_IR 6"
    pieces, start = [], 0
    for tag in _READY_SEQUENCES:
        pieces.append(_encoded(dataset[start:tag], character_set))
        pieces.append(element(tag, "SQ", dataset.get_item(tag).value))
        start = tag + 1
    pieces.append(_encoded(dataset[start:], character_set))
    return b"".join(pieces)


def _ready_sequence(tag: int, items: bytes) -> RawDataElement:
    return RawDataElement(Tag(tag), "SQ", len(items), items, 0, False, True)


def _encoded(dataset: Dataset, character_set: str) -> bytes:
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, False
    write_dataset(written, dataset, character_set)
    return written.getvalue()


def is_ascii(dataset: Dataset) -> bool:
    """Tell whether all texts are ASCII, so that no character set need be named; sequences in bytes are passed over."""
    for tag in dataset.keys():
        attribute = dataset.get_item(tag)
        if attribute.is_raw:
            continue
        if attribute.VR == "SQ":
            if not all(is_ascii(item) for item in attribute.value):
                return False
        elif not str(attribute.value).isascii():
            return False
    return True

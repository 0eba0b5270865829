"""DICOM files that are no segmentations: no export takes the place of one, or it could be an image it refers to."""

from __future__ import annotations

from pathlib import Path

from pydicom import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info, read_partial
from pydicom.uid import UID, SegmentationStorage, SurfaceSegmentationStorage

from SegRLEExportLib.encoding.plan import LABEL_MAP_SEGMENTATION_STORAGE
from SegRLEExportLib.source.images import begins_as_dataset

_SEGMENTATIONS = (SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE, SurfaceSegmentationStorage)
_SOP_CLASS_UID = 0x00080016
_LONGEST_UID = 64


def kind_of_other_dicom(path: Path) -> str:
    """Return the name of the SOP Class of a DICOM file that is no segmentation; empty for any other file.

    A link is followed. What states no class is not known to be another kind: it may be a segmentation to be mended.
    """
    try:
        stated = UID(_stated_class(path))
    except Exception:  # whatever pydicom raises of a file that is damaged, or none of DICOM
        return ""
    return "" if stated in _SEGMENTATIONS else stated.name[:_LONGEST_UID]


def _stated_class(path: Path) -> str:
    """Return the SOP Class UID of File Meta Information, or else of the dataset, read no farther than that."""
    try:
        meta: Dataset = read_file_meta_info(path)
    except InvalidDicomError:  # without preamble
        if not begins_as_dataset(path):
            return ""
        meta = Dataset()
    return str(meta.get("MediaStorageSOPClassUID", "") or _class_in_dataset(path))


def _class_in_dataset(path: Path) -> str:
    with path.open("rb") as file:
        head = read_partial(file, lambda tag, _, __: tag > _SOP_CLASS_UID, force=True)
    return str(head.get("SOPClassUID", ""))

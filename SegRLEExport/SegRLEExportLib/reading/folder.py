"""The SEG files among the files of a folder, those of one export together."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import SegmentationStorage

from SegRLEExportLib.encoding.plan import LABEL_MAP_SEGMENTATION_STORAGE
from SegRLEExportLib.errors import NotASegmentationFileError, UnusableSegFileError
from SegRLEExportLib.reading.damage import DAMAGE
from SegRLEExportLib.reading.header import is_dicom

_OF_ONE_EXPORT = ("StudyInstanceUID", "Manufacturer", "ContentDate", "ContentTime")
"""What the files of one export have in common, of ours to the microsecond; each is a series of its own."""

_ASKED = ("SOPClassUID", *_OF_ONE_EXPORT)


def seg_files_of(place: Path) -> list[Path]:
    """Return the file itself, or the SEG files in a folder, by name; all else in it, images above all, is passed over.

    Raises `NotASegmentationFileError` if the folder has none, or cannot be looked into.
    """
    return [path for paths in exports_at(place) for path in paths]


def files_of_one_export(folder: Path) -> list[Path]:
    """Return the SEG files of a folder, by name.

    Raises `NotASegmentationFileError` if it has none, `UnusableSegFileError` if they are of several exports.
    """
    exports = exports_at(folder)
    if len(exports) > 1:
        first, second = (paths[0].name for paths in exports[:2])
        raise UnusableSegFileError(
            folder,
            f"it is a folder with {len(exports)} exports ({first} and {second} for example)",
            "Give one of them: its file, its files, or a folder with them alone.",
        )
    return exports[0]


def exports_at(place: Path) -> list[list[Path]]:
    """Return the file, or the SEG files in a folder, in groups that were written by one export each.

    Raises `NotASegmentationFileError` if the folder has none, or cannot be looked into.
    """
    exports: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    try:
        if not place.is_dir():
            return [[place]]
        for path in sorted(place.iterdir()):
            origin = _origin(path) if path.is_file() else None
            if origin is not None:
                exports[origin].append(path)
    except OSError as error:
        raise NotASegmentationFileError(place, f"the folder cannot be read ({error.strerror or error})") from error
    if not exports:
        raise NotASegmentationFileError(place, "the folder has no SEG file")
    return list(exports.values())


def _origin(path: Path) -> tuple[str, ...] | None:
    """Return what the files of one export have in common; None if the file is no SEG.

    A file that is too damaged to tell is none: nobody named it.
    """
    try:
        if not is_dicom(path):
            return None
        header = dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_ASKED))
        if header.get("SOPClassUID") not in (SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE):
            return None
        return tuple(str(header.get(keyword, "")) for keyword in _OF_ONE_EXPORT)
    except DAMAGE:
        return None

"""The SEG files among the files of a folder, those of one export together."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from pydicom import dcmread
from pydicom.uid import UID, SegmentationStorage

from SegRLEExportLib.encoding.plan import LABEL_MAP_SEGMENTATION_STORAGE
from SegRLEExportLib.errors import NotASegmentationFileError, UnusableSegFileError
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.reading.damage import DAMAGE
from SegRLEExportLib.reading.header import is_dicom
from SegRLEExportLib.reading.segments import BACKGROUND

OF_ONE_EXPORT = ("StudyInstanceUID", "Manufacturer", "ContentDate", "ContentTime")
"""What the files of one export have in common, of ours to the microsecond; each is a series of its own."""

_ASKED = ("SOPClassUID", *OF_ONE_EXPORT)
_SEG = (SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE)

_EXPORTS_NAMED = 3
_KINDS_NAMED = 3


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
        named = "; ".join(_few([path.name for path in paths], 2) for paths in exports[:_EXPORTS_NAMED])
        raise UnusableSegFileError(
            folder,
            f"it is a folder with {len(exports)} exports ({named}{'; ...' if len(exports) > _EXPORTS_NAMED else ''})",
            "Give one of them: its file, its files, or a folder with them alone.",
        )
    return exports[0]


def exports_at(place: Path) -> list[list[Path]]:
    """Return the file, or the SEG files in a folder, in groups that were written by one export each.

    Raises `NotASegmentationFileError` if the folder has none, or cannot be looked into.
    """
    try:
        if not place.is_dir():
            return [[place]]
        entries = sorted(place.iterdir())
        seen = {path: _seen(path) for path in entries if path.is_file()}
    except OSError as error:
        raise NotASegmentationFileError(place, f"the folder cannot be read ({error.strerror or error})") from error
    exports: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    for path, one in seen.items():
        if one is not None and one.sop_class in _SEG:
            exports[one.origin].append(path)
    if not exports:
        raise NotASegmentationFileError(place, _without_seg([*seen.values()], len(entries) - len(seen)))
    return list(exports.values())


def exports_of(files: list[Path]) -> list[list[Path]]:
    """Return files that were named one by one in groups, those of one export together.

    Exports whose segments all have names of their own may be parts of one segmentation, and are one group.
    """
    exports: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    for path in files:
        seen = _seen(path)
        exports[seen.origin if seen else ()].append(path)
    names = [name for paths in exports.values() for name in {name for path in paths for name in _segment_names(path)}]
    return [*exports.values()] if len(set(names)) < len(names) else [files]


def _segment_names(path: Path) -> list[str]:
    """Return what a SEG calls its segments; nothing if it is too damaged to tell, which who reads it will say."""
    try:
        header = dcmread(path, stop_before_pixels=True, force=True, specific_tags=["SegmentSequence"])
        segments = header.get("SegmentSequence") or []
        return [str(one.get("SegmentLabel", "")) for one in segments if one.get("SegmentNumber") != BACKGROUND]
    except DAMAGE:
        return []


def is_image(path: Path) -> bool:
    """Tell whether a file is DICOM and no SEG."""
    seen = _seen(path) if path.is_file() else None
    return seen is not None and seen.sop_class not in _SEG


def has_images(folder: Path) -> bool:
    """Tell whether a DICOM file that is no SEG lies in a folder or below it."""
    return any(is_image(path) for path in folder.rglob("*"))


class _Seen(NamedTuple):
    """A DICOM file of a folder."""

    sop_class: UID
    origin: tuple[str, ...]
    """What it has in common with the files of the same export."""


def _seen(path: Path) -> _Seen | None:
    """Return what a DICOM file is; None if it is none, or too damaged to tell: nobody named it."""
    try:
        if not is_dicom(path):
            return None
        header = dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_ASKED))
        origin = tuple(str(header.get(keyword, "")) for keyword in OF_ONE_EXPORT)
        return _Seen(UID(str(header.get("SOPClassUID", ""))), origin)
    except DAMAGE:
        return None


def _without_seg(files: list[_Seen | None], folders: int) -> str:
    """Return what a folder has that has no SEG, as a clause."""
    if not files:
        return "the folder has only folders, and no file is searched in them" if folders else "the folder is empty"
    kinds = Counter(None if one is None else one.sop_class.name or "no SOP class" for one in files)
    told = [
        counted(count, "file that is no DICOM", "files that are no DICOM")
        if kind is None
        else f"{counted(count, 'file')} of {kind}"
        for kind, count in kinds.most_common()
    ]
    return f"the folder has no SEG file, but {_few(told, _KINDS_NAMED)}"


def _few(texts: list[str], most: int) -> str:
    """Return the texts, the first ones and how many more there are."""
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")

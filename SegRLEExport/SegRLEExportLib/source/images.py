"""From one DICOM file to the image planes in it: where each lies, and who it is.

A plane needs a position, an orientation, a pixel spacing and a size that make sense (PS3.3, C.7.6.2); multi-frame
images have them in functional groups (C.7.6.16). What lacks one is told apart from files that are no images, and
from files that cannot be read. Pixels are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from pydicom import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRColorImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    EnhancedUSVolumeStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from SegRLEExportLib.model.source_series import SourceFrame
from SegRLEExportLib.source.character_sets import person_name, tell_pydicom_of_latin_9
from SegRLEExportLib.source.cut_short import header_and_cut
from SegRLEExportLib.source.image_values import (
    IMAGE_ORIENTATION,
    IMAGE_POSITION,
    PIXEL_SPACING,
    name_of,
    number_of,
    orientation_of,
    position_of,
    side_of,
    spacing_of,
    thickness_of,
)
from SegRLEExportLib.source.quick_header import read_header

tell_pydicom_of_latin_9()

NOT_IMAGES = frozenset(("SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "SR", "PR", "KO", "REG", "RWV", "DOC", "FID"))
"""Modalities that are never the source of a segmentation."""

_ALWAYS_PLACED = frozenset(
    (
        *(CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage),
        *(MRImageStorage, EnhancedMRImageStorage, EnhancedMRColorImageStorage, LegacyConvertedEnhancedMRImageStorage),
        *(PositronEmissionTomographyImageStorage, EnhancedPETImageStorage, LegacyConvertedEnhancedPETImageStorage),
        *(EnhancedUSVolumeStorage, VLWholeSlideMicroscopyImageStorage),
    )
)
"""Classes of images that must say where they lie (PS3.3, A.3, A.4, A.21 and others): without it they are damaged."""

_MOST_FRAMES_WITHOUT_PLACE = 100_000

_SPECIFIC_CHARACTER_SET = 0x00080005
_SOP_CLASS_UID = 0x00080016
_SOP_INSTANCE_UID = 0x00080018
_MODALITY = 0x00080060
_PATIENT_NAME = 0x00100010
_PATIENT_ID = 0x00100020
_PATIENT_BIRTH_DATE = 0x00100030
_SLICE_THICKNESS = 0x00180050
_STUDY_INSTANCE_UID = 0x0020000D
_SERIES_INSTANCE_UID = 0x0020000E
_ACQUISITION_TIME = 0x00080032
_TRIGGER_TIME = 0x00181060
_ACQUISITION_NUMBER = 0x00200012
_TEMPORAL_POSITION = 0x00200100
_INSTANCE_NUMBER = 0x00200013
_FRAME_OF_REFERENCE_UID = 0x00200052
_NUMBER_OF_FRAMES = 0x00280008
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_SIDES = (_ROWS, _COLUMNS)
TIMES = (_TEMPORAL_POSITION, _TRIGGER_TIME, _ACQUISITION_NUMBER, _ACQUISITION_TIME)
"""What tells images of one place and several times apart, the plainest first (PS3.3, C.7.6.2.1.4 and C.7.6.16.2.2)."""

_TIMES_OF_FRAMES = {
    _TEMPORAL_POSITION: ("FrameContentSequence", 0x00209128),
    _TRIGGER_TIME: ("CardiacSynchronizationSequence", 0x00209153),
    _ACQUISITION_NUMBER: ("FrameContentSequence", 0x00209156),
    _ACQUISITION_TIME: ("FrameContentSequence", 0x00189074),
}
"""The same of the frames of an enhanced image: Temporal Position Index, Nominal Cardiac Trigger Delay Time, Frame
Acquisition Number and Frame Acquisition DateTime, with their functional groups (PS3.3, C.7.6.16.2)."""

_WANTED = frozenset(
    (
        *TIMES,
        _SPECIFIC_CHARACTER_SET,
        _SOP_CLASS_UID,
        _SOP_INSTANCE_UID,
        _MODALITY,
        _PATIENT_NAME,
        _PATIENT_ID,
        _PATIENT_BIRTH_DATE,
        _SLICE_THICKNESS,
        _STUDY_INSTANCE_UID,
        _SERIES_INSTANCE_UID,
        _INSTANCE_NUMBER,
        IMAGE_POSITION,
        IMAGE_ORIENTATION,
        _FRAME_OF_REFERENCE_UID,
        _NUMBER_OF_FRAMES,
        _ROWS,
        _COLUMNS,
        PIXEL_SPACING,
    )
)
_LONGEST_FIRST_VALUE = 1 << 16
"""The first element of an image states a group's length, a character set, a type or a class: never more than this."""

_STATED_TWICE = {_SOP_CLASS_UID: "MediaStorageSOPClassUID", _SOP_INSTANCE_UID: "MediaStorageSOPInstanceUID"}
"""Attributes that File Meta Information states too (PS3.10, 7.1)."""


@dataclass(frozen=True)
class Plane:
    """Where one image plane lies, if it has a place in the patient, and who it is."""

    path: Path
    frame: SourceFrame
    series_uid: str
    study_uid: str
    patient_id: str
    patient_name: str
    birth_date: str
    frame_of_reference_uid: str
    instance_number: int
    position: tuple[float, ...]
    """Image Position (Patient); empty, as the next two, for an image that has no place."""
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    rows: int
    columns: int
    thickness: float | None
    times: tuple[str, ...] = ("",) * len(TIMES)
    """The values of `TIMES`, empty where there is none."""
    from_file_meta: tuple[str, ...] = ()
    """Names of attributes that the dataset lacks and File Meta Information has."""
    cut: str = ""
    """What Pixel Data lack where the file is cut short, as `cut_of` says it."""


@dataclass(frozen=True)
class UnplacedImage:
    """An image of which it is not known where it lies."""

    path: Path
    series_uid: str
    sop_instance_uid: str
    reason: str
    planes: tuple[Plane, ...] = ()
    """Its planes, without place, where images of its class need have none and it states none; else it is damaged."""


@dataclass(frozen=True)
class UnreadableFile:
    """A DICOM file that cannot be read."""

    path: Path
    reason: str


Found = Plane | UnplacedImage | UnreadableFile


class _Origin(NamedTuple):
    """What the planes of one file have in common, as `Plane` has it."""

    path: Path
    cut: str
    from_file_meta: tuple[str, ...] = ()


def planes_in(path: Path) -> list[Found]:
    """Return what the file holds; nothing if it is no image."""
    try:
        header = read_header(path, _WANTED)
        if header is not None and _NUMBER_OF_FRAMES not in header.elements:
            texts = _texts_of(header.elements)
            if all(texts.get(tag) for tag in _STATED_TWICE) and _is_plain(header.elements.get(_PATIENT_ID, b"")):
                return _single_plane(_Origin(path, header.cut), texts)
        dataset, cut = header_and_cut(path)
        return _planes_by_pydicom(path, dataset, cut)
    except InvalidDicomError:
        is_empty_image = path.suffix.lower() == ".dcm" and path.stat().st_size == 0
        return [UnreadableFile(path, "it is empty")] if is_empty_image else _planes_without_preamble(path)
    except OSError as error:
        return [UnreadableFile(path, error.strerror or str(error))]
    except Exception as error:  # pydicom raises whatever the conversion of a damaged value raises
        return [UnreadableFile(path, str(error) or type(error).__name__)]


def _planes_without_preamble(path: Path) -> list[Found]:
    """Return what a file without preamble and "DICM" holds: old archives leave them out (PS3.10, 7.1 asks for both).

    Such a file says by nothing that it is DICOM, so it counts as one only if it begins as a dataset does, and names its
    class and series; anything else that lies among the images is passed over.
    """
    try:
        if not begins_as_dataset(path):
            return []
        dataset, cut = header_and_cut(path, force=True)
        if not (_text_of(dataset, _SOP_CLASS_UID) and _text_of(dataset, _SERIES_INSTANCE_UID)):
            return []
        return _planes_by_pydicom(path, dataset, cut)
    except OSError as error:
        return [UnreadableFile(path, error.strerror or str(error))]
    except Exception:  # whatever pydicom raises of bytes that are no dataset after all
        return []


def begins_as_dataset(path: Path) -> bool:
    """Tell whether the file begins with an element of group 0002 or 0008, little endian, of a length that can be."""
    with path.open("rb", buffering=0) as file:
        head = file.read(8)
    if len(head) < 8 or head[1] or head[0] not in (2, 8):
        return False
    is_explicit = head[4:6].isalpha() and head[4:6].isupper()
    return is_explicit or int.from_bytes(head[4:8], "little") < _LONGEST_FIRST_VALUE


def _is_plain(text: bytes) -> bool:
    """Tell whether the text is the same in every character set."""
    return text.isascii() and b"\x1b" not in text


def _texts_of(elements: dict[int, bytes]) -> dict[int, str]:
    """Return the values as texts: a name in the character set of the file, all others are ASCII."""
    texts = {
        tag: str(int.from_bytes(value, "little")) if tag in _SIDES else value.decode("ascii", "replace").strip("\0 ")
        for tag, value in elements.items()
    }
    name = elements.get(_PATIENT_NAME, b"")
    if not _is_plain(name):
        texts[_PATIENT_NAME] = person_name(name, texts.get(_SPECIFIC_CHARACTER_SET, ""))
    return texts


def _planes_by_pydicom(path: Path, dataset: Dataset, cut: str) -> list[Found]:
    texts = {tag: text for tag in _WANTED if (text := _text_of(dataset, tag))}
    from_file_meta = []
    for tag, keyword in _STATED_TWICE.items():
        stated = str(getattr(dataset, "file_meta", Dataset()).get(keyword, "") or "")
        if tag not in texts and stated:
            texts[tag] = stated
            from_file_meta.append(name_of(tag))
    origin = _Origin(path, cut, tuple(from_file_meta))
    if texts.get(_MODALITY) not in NOT_IMAGES and "PerFrameFunctionalGroupsSequence" in dataset:
        return [*_planes_of_multi_frame(origin, dataset, texts)]
    return _single_plane(origin, texts)


def _text_of(dataset: Dataset, tag: int) -> str:
    """Return the element's value as text, empty if there is none or it cannot be converted."""
    try:
        value = dataset[tag].value if tag in dataset else None
        if isinstance(value, MultiValue):
            return "\\".join(str(part) for part in value)
        return "" if value is None else str(value).strip()
    except Exception:  # pydicom raises whatever the conversion of a damaged value raises
        return ""


def _single_plane(origin: _Origin, texts: dict[int, str]) -> list[Found]:
    has_pixels = bool(texts.get(_ROWS) and texts.get(_COLUMNS))
    if texts.get(_MODALITY) in NOT_IMAGES:
        return []
    if not (has_pixels or texts.get(IMAGE_POSITION)):
        is_image = UID(texts.get(_SOP_CLASS_UID, "")).name.endswith("Image Storage")
        reason = "it ends before it says how large it is or where it lies"
        return [UnreadableFile(origin.path, reason)] if is_image else []
    try:
        if texts.get(_NUMBER_OF_FRAMES, "1") not in ("0", "1"):
            raise ValueError(f"its {texts[_NUMBER_OF_FRAMES]} frames have no position each")
        return [_plane(origin, texts, None)]
    except ValueError as error:
        return [_unplaced(origin.path, texts, error, _planes_without_place(origin, texts))]


def _planes_without_place(origin: _Origin, texts: dict[int, str]) -> tuple[Plane, ...]:
    """Return the planes of an image that states no place and need not have one; none of any other."""
    is_stated = bool(texts.get(IMAGE_POSITION) or texts.get(IMAGE_ORIENTATION))
    if is_stated or texts.get(_SOP_CLASS_UID) in _ALWAYS_PLACED:
        return ()
    try:
        count = int(texts.get(_NUMBER_OF_FRAMES) or 1)
        first = _plane(origin, texts, None, has_place=False)
    except ValueError:
        return ()
    if count <= 1:
        return (first,)
    if count > _MOST_FRAMES_WITHOUT_PLACE:
        return ()
    return tuple(
        replace(first, frame=first.frame._replace(frame_number=number), instance_number=number)
        for number in range(1, count + 1)
    )


def _planes_of_multi_frame(origin: _Origin, dataset: Dataset, texts: dict[int, str]) -> Iterator[Found]:
    """Yield the planes of an enhanced image, by its functional groups."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    for frame_number, own in enumerate(dataset.PerFrameFunctionalGroupsSequence, start=1):
        texts_of_frame = texts | {
            tag: _text_of(_group(own, shared[0], group), tag)
            for group, tag in (
                ("PlanePositionSequence", IMAGE_POSITION),
                ("PlaneOrientationSequence", IMAGE_ORIENTATION),
                ("PixelMeasuresSequence", PIXEL_SPACING),
                ("PixelMeasuresSequence", _SLICE_THICKNESS),
            )
        }
        for tag, (group, tag_of_frame) in _TIMES_OF_FRAMES.items():
            texts_of_frame[tag] = _text_of(_group(own, shared[0], group), tag_of_frame) or texts.get(tag, "")
        try:
            yield _plane(origin, texts_of_frame, frame_number)
        except ValueError as error:
            yield _unplaced(origin.path, texts, error)


def _group(own: Dataset, shared: Dataset, keyword: str) -> Dataset:
    """Return the functional group of a frame, its own or the one that all share; empty if there is none."""
    items = own.get(keyword) or shared.get(keyword) or [Dataset()]
    group: Dataset = items[0]
    return group


def _unplaced(path: Path, texts: dict[int, str], reason: ValueError, planes: tuple[Plane, ...] = ()) -> UnplacedImage:
    series_uid, sop_uid = texts.get(_SERIES_INSTANCE_UID, ""), texts.get(_SOP_INSTANCE_UID, "")
    return UnplacedImage(path, series_uid, sop_uid, str(reason), planes)


def _plane(origin: _Origin, texts: dict[int, str], frame_number: int | None, *, has_place: bool = True) -> Plane:
    """Return the plane that the texts describe; raises `ValueError` with the reason if they do not."""
    return Plane(
        path=origin.path,
        frame=SourceFrame(texts.get(_SOP_CLASS_UID, ""), texts.get(_SOP_INSTANCE_UID, ""), frame_number),
        series_uid=texts.get(_SERIES_INSTANCE_UID, ""),
        study_uid=texts.get(_STUDY_INSTANCE_UID, ""),
        patient_id=texts.get(_PATIENT_ID, ""),
        patient_name=texts.get(_PATIENT_NAME, ""),
        birth_date=texts.get(_PATIENT_BIRTH_DATE, ""),
        frame_of_reference_uid=texts.get(_FRAME_OF_REFERENCE_UID, ""),
        instance_number=frame_number or int(number_of(texts.get(_INSTANCE_NUMBER, "")) or 0),
        position=position_of(texts.get(IMAGE_POSITION, "")) if has_place else (),
        orientation=orientation_of(texts.get(IMAGE_ORIENTATION, "")) if has_place else (),
        spacing=spacing_of(texts.get(PIXEL_SPACING, "")) if has_place else (),
        rows=side_of(_ROWS, texts.get(_ROWS, "")),
        columns=side_of(_COLUMNS, texts.get(_COLUMNS, "")),
        thickness=thickness_of(texts.get(_SLICE_THICKNESS, "")),
        times=tuple(texts.get(tag, "") for tag in TIMES),
        from_file_meta=origin.from_file_meta,
        cut=origin.cut,
    )

"""What a file says of each segment: Segment Sequence (0062,0002), PS3.3, C.8.20.2 and C.8.20.4.

Looked at where the bytes lie: a label map may describe 65,535 segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import TEXT_VR_DELIMS

from SegRLEExportLib.model.segmentation import AlgorithmType
from SegRLEExportLib.model.terminology import Code, SegmentTerminology, code_faults, usable_terminology
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.elements import Elements
from SegRLEExportLib.source.character_sets import tell_pydicom_of_latin_9

tell_pydicom_of_latin_9()

_CHARACTER_SET = 0x00080005
_CODE_VALUE = 0x00080100
_SCHEME = 0x00080102
_MEANING = 0x00080104
_LONG_CODE_VALUE = 0x00080119
_URN_CODE_VALUE = 0x00080120
_REGION = 0x00082218
_REGION_MODIFIER = 0x00082220
_CATEGORY = 0x00620003
_NUMBER = 0x00620004
_LABEL = 0x00620005
_DESCRIPTION = 0x00620006
_ALGORITHM_TYPE = 0x00620008
_ALGORITHM_NAME = 0x00620009
_CIELAB = 0x0062000D
_TYPE = 0x0062000F
_TYPE_MODIFIER = 0x00620011
_TRACKING_ID = 0x00620020
_TRACKING_UID = 0x00620021

_OF_A_CODE = (_SCHEME, _MEANING, _CODE_VALUE, _LONG_CODE_VALUE, _URN_CODE_VALUE)

RawCode = tuple[bytes, ...]

_MOST_KEPT = 1024
"""Of codes and colours: thousands of segments often share one."""

BACKGROUND = 0
"""The Segment Number of what is nothing in a label map."""

_PLAIN = ("iso8859",)

_ALGORITHMS = {kind.value: kind for kind in AlgorithmType}


@dataclass(frozen=True)
class SegmentRecord:
    """One segment as the file describes it."""

    number: int
    label: str
    description: str
    category: Code | None
    type: Code | None
    type_modifier: Code | None
    region: Code | None
    region_modifier: Code | None
    cielab: tuple[int, ...]
    """Recommended Display CIELab Value, three numbers of 16 bits; empty if none is given."""
    algorithm_type: str
    algorithm_name: str
    tracking_id: str
    tracking_uid: str
    code_faults: tuple[str, ...]
    """Why codes that are there cannot be used, a clause each."""

    @property
    def terminology(self) -> SegmentTerminology | None:
        """Its codes, None where category or type is missing or lacks a part."""
        return usable_terminology(self.category, self.type, self.type_modifier, self.region, self.region_modifier)

    @property
    def algorithm(self) -> AlgorithmType:
        """Its algorithm type, SEMIAUTOMATIC where the file has none that DICOM knows."""
        return _ALGORITHMS.get(self.algorithm_type.upper(), AlgorithmType.SEMIAUTOMATIC)

    @property
    def color_rgb(self) -> tuple[float, float, float] | None:
        """Red, green and blue, each 0 to 1 (sRGB); None if no color is recommended."""
        return rgb_of(self.cielab) if len(self.cielab) == 3 else None


def read_segments(items: list[Elements], character_set: str) -> list[SegmentRecord]:
    """Return every item of a Segment Sequence, also the background's; raises `SegFileError`.

    `character_set` is that of the whole dataset; an item may have one of its own.
    """
    records = [_record(item, _encodings(item.text(_CHARACTER_SET) or character_set)) for item in items]
    numbers = [record.number for record in records]
    if len(set(numbers)) < len(numbers):
        raise SegFileError("two of its segments have one Segment Number")
    return records


def _record(item: Elements, encodings: tuple[str, ...]) -> SegmentRecord:
    number = item.number(_NUMBER)
    if number is None:
        raise SegFileError("the Segment Number of one of its segments is missing")
    raw_codes = _raw_codes_in(item)
    category, type_, type_modifier, region_code, region_modifier = (_code_of(raw, encodings) for raw in raw_codes)
    return SegmentRecord(
        number=number,
        label=_text(item, _LABEL, encodings),
        description=_text(item, _DESCRIPTION, encodings),
        category=category,
        type=type_,
        type_modifier=type_modifier,
        region=region_code,
        region_modifier=region_modifier,
        cielab=_three_numbers(item),
        algorithm_type=_text(item, _ALGORITHM_TYPE, encodings),
        algorithm_name=_text(item, _ALGORITHM_NAME, encodings),
        tracking_id=_text(item, _TRACKING_ID, encodings),
        tracking_uid=_text(item, _TRACKING_UID, encodings),
        code_faults=_code_faults(raw_codes, encodings),
    )


def _raw_codes_in(item: Elements) -> tuple[RawCode, ...]:
    """Return the codes of a segment in the order of `SegmentTerminology`."""
    type_, region = item.first(_TYPE), item.first(_REGION)
    return (
        _raw_code(item.first(_CATEGORY)),
        _raw_code(type_),
        _raw_code(None if type_ is None else type_.first(_TYPE_MODIFIER)),
        _raw_code(region),
        _raw_code(None if region is None else region.first(_REGION_MODIFIER)),
    )


def _raw_code(item: Elements | None) -> RawCode:
    """Return the values of `_OF_A_CODE`; none where there is no item."""
    return () if item is None else tuple(map(item.raw, _OF_A_CODE))


@lru_cache(maxsize=_MOST_KEPT)
def _code_of(raw: RawCode, encodings: tuple[str, ...]) -> Code | None:
    """Return the code, None where its item is missing or lacks a part."""
    parts = _parts_of(raw, encodings)
    return Code(*parts) if parts and all(parts) else None


@lru_cache(maxsize=_MOST_KEPT)
def _code_faults(raw_codes: tuple[RawCode, ...], encodings: tuple[str, ...]) -> tuple[str, ...]:
    return code_faults([_parts_of(raw, encodings) for raw in raw_codes])


def _parts_of(raw: RawCode, encodings: tuple[str, ...]) -> tuple[str, ...]:
    """Return scheme, value and meaning."""
    if not raw:
        return ()
    scheme, meaning, *values = (_decoded(value, encodings) for value in raw)
    return scheme, next(filter(None, values), ""), meaning


def _three_numbers(item: Elements) -> tuple[int, ...]:
    value = item.raw(_CIELAB)
    order = "little" if item.coding.order == "<" else "big"
    if len(value) != 6:
        return ()
    return tuple(int.from_bytes(value[at : at + 2], order) for at in (0, 2, 4))  # type: ignore[arg-type]


def _text(item: Elements, tag: int, encodings: tuple[str, ...]) -> str:
    return _decoded(item.raw(tag), encodings)


def _decoded(value: bytes, encodings: tuple[str, ...]) -> str:
    if not value:
        return ""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii").strip(" \0")
    return decode_bytes(value, encodings, TEXT_VR_DELIMS).strip(" \0")


def _encodings(character_set: str) -> tuple[str, ...]:
    if not character_set:
        return _PLAIN
    return tuple(convert_encodings(character_set.split("\\")))


_LINEAR_RGB_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
"""Of sRGB (IEC 61966-2-1); inverted here, as the inverse in print has too few digits to get a color back."""

_XYZ_TO_LINEAR_RGB = np.linalg.inv(np.array(_LINEAR_RGB_TO_XYZ)).tolist()
_WHITE_D65 = (0.95047, 1.0, 1.08883)


@lru_cache(maxsize=_MOST_KEPT)
def rgb_of(cielab: tuple[int, ...]) -> tuple[float, float, float]:
    """Return red, green and blue of a color in 16-bit CIELab (PS3.3, C.10.7.1.1), white D65 as Slicer has it."""
    lightness, a, b = cielab[0] / 65535 * 100, cielab[1] / 65535 * 255 - 128, cielab[2] / 65535 * 255 - 128
    middle = (lightness + 16) / 116
    xyz = [_cubed(root) * white for root, white in zip((middle + a / 500, middle, middle - b / 200), _WHITE_D65)]
    red, green, blue = (_gamma(sum(weight * value for weight, value in zip(row, xyz))) for row in _XYZ_TO_LINEAR_RGB)
    return red, green, blue


def _cubed(root: float) -> float:
    return root**3 if root**3 > 0.008856 else (root - 16 / 116) / 7.787


def _gamma(linear: float) -> float:
    value = 1.055 * linear ** (1 / 2.4) - 0.055 if linear > 0.0031308 else 12.92 * linear
    return min(max(value, 0.0), 1.0)

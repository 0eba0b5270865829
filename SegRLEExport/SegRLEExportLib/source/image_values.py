"""What an image says of its place and size, as numbers that make sense; `ValueError` says which does not.

Image Position (Patient), Image Orientation (Patient) and Pixel Spacing (PS3.3, C.7.6.2), Rows and Columns (C.7.6.3).
"""

from __future__ import annotations

from math import hypot, isfinite

from pydicom.datadict import dictionary_description
from pydicom.tag import Tag

IMAGE_POSITION = 0x00200032
IMAGE_ORIENTATION = 0x00200037
PIXEL_SPACING = 0x00280030

_DIRECTION_TOLERANCE = 0.01
"""Direction cosines whose length is farther from 1, or that are farther from perpendicular, are damaged."""

_LARGEST_COORDINATE_MM = 1e6
"""A position farther from the origin than a kilometre is damaged."""

_LARGEST_SPACING_MM = 1e4
_SMALLEST_SPACING_MM = 1e-7
"""A tenth of a nanometre."""


def position_of(text: str) -> tuple[float, ...]:
    """Return Image Position (Patient), x, y and z in mm."""
    position = _numbers(IMAGE_POSITION, text, 3)
    if max(abs(coordinate) for coordinate in position) > _LARGEST_COORDINATE_MM:
        raise _bad_value(IMAGE_POSITION, text)
    return position


def orientation_of(text: str) -> tuple[float, ...]:
    """Return Image Orientation (Patient), the direction cosines of a row and of a column."""
    orientation = _numbers(IMAGE_ORIENTATION, text, 6)
    row, column = orientation[:3], orientation[3:]
    deviations = (hypot(*row) - 1, hypot(*column) - 1, sum(a * b for a, b in zip(row, column)))
    if max(abs(deviation) for deviation in deviations) > _DIRECTION_TOLERANCE:
        raise _bad_value(IMAGE_ORIENTATION, text)
    return orientation


def spacing_of(text: str) -> tuple[float, ...]:
    """Return Pixel Spacing, between rows and between columns in mm."""
    spacing = _numbers(PIXEL_SPACING, text, 2)
    if not all(_SMALLEST_SPACING_MM <= distance <= _LARGEST_SPACING_MM for distance in spacing):
        raise _bad_value(PIXEL_SPACING, text)
    return spacing


def thickness_of(text: str) -> float | None:
    """Return Slice Thickness in mm; None where it makes no sense, for no place depends on it."""
    thickness = number_of(text)
    is_usable = thickness is not None and _SMALLEST_SPACING_MM <= thickness <= _LARGEST_SPACING_MM
    return thickness if is_usable else None


def side_of(tag: int, text: str) -> int:
    """Return Rows or Columns."""
    side = number_of(text)
    if side is None or not 1 <= side <= 65535:
        raise _bad_value(tag, text)
    return int(side)


def number_of(text: str) -> float | None:
    """Return the finite number that the text is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def name_of(tag: int) -> str:
    """Return the attribute's name, as PS3.6 has it."""
    return dictionary_description(tag)


def _numbers(tag: int, text: str, count: int) -> tuple[float, ...]:
    numbers = [number_of(part) for part in text.split("\\")]
    finite = tuple(number for number in numbers if number is not None)
    if len(numbers) != count or len(finite) != count:
        raise _bad_value(tag, text)
    return finite


def _bad_value(tag: int, text: str) -> ValueError:
    what = f"{name_of(tag)} {Tag(tag)}"
    if not text:
        return ValueError(f"it has no {what}")
    shown = repr(text[:64]).replace(r"\\", "\\")
    return ValueError(f"its {what} is {shown}")

"""Colours as tables write them: `#40a0ff`, three numbers from 0 to 255, or three from 0 to 1."""

from __future__ import annotations

import re
from collections.abc import Sequence

from SegRLEExportLib.files.tables.row import Color, TableFaultError

_MOST = 255


def color_of(text: str, line: int) -> Color:
    """Return the colour that a text is; raise `TableFaultError`.

    Three numbers are parts of 1 if one of them has a decimal point, or else of 255.
    """
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text.strip()):
        red, green, blue = bytes.fromhex(text.strip()[1:])
        return red / _MOST, green / _MOST, blue / _MOST
    words = re.split(r"[\s,;]+", text.strip().strip("()[]").strip())
    if len(words) != 3:
        raise TableFaultError(f"'{text[:40]}' is no colour such as #ff8000 or 255 128 0", line)
    return color_of_parts(words, line)


def color_of_parts(words: Sequence[str], line: int, most: float | None = None) -> Color:
    """Return the colour of three numbers as text; `most` is what full brightness is, if that is known."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = [-1.0]
    if most is None:
        most = 1.0 if any("." in word for word in words) else float(_MOST)
    if not all(0 <= number <= most for number in numbers):
        raise TableFaultError(f"'{' '.join(words)[:40]}' is no colour of three numbers from 0 to {most:g}", line)
    red, green, blue = (number / most for number in numbers)
    return red, green, blue


def text_of_color(color: Color) -> str:
    """Return the colour as `#rrggbb`, as DICOM's and Slicer's 8 bits a channel have it."""
    return "#" + "".join(f"{round(part * _MOST):02x}" for part in color)

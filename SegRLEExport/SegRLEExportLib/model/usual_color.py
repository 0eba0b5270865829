"""A colour for a segment that has none: label maps, masks, and DICOM SEG without recommended colours."""

from __future__ import annotations

import colorsys

_FIRST = ((0.50, 0.68, 0.50), (0.95, 0.84, 0.57), (0.69, 0.48, 0.40), (0.44, 0.72, 0.82), (0.85, 0.40, 0.31))

_TURN = 0.618034
"""Golden section of the circle of hues: the next is far from all before."""


def usual_color(number: int) -> tuple[float, float, float]:
    """Return red, green and blue, 0 to 1, for the segment of that number or label value, from 1."""
    if number <= len(_FIRST):
        return _FIRST[number - 1]
    return colorsys.hsv_to_rgb(number * _TURN % 1, 0.55, 0.85)

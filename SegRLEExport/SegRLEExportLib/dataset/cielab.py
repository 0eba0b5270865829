"""Display colours as CIELab in 16 bits (PS3.3, C.10.7.1.1).

The white point is D65, as in dcmqi, DCMTK and dcm4che, so that Slicer gets back the colour it had; by the
letter of the standard it would be D50, a difference that nobody sees and no reader undoes.
"""

from __future__ import annotations

_LINEAR_RGB_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_WHITE_D65 = (0.95047, 1.0, 1.08883)
_RANGES = ((0, 100), (-128, 127), (-128, 127))
"""Of lightness, a and b; each is spread over 0 to 65535."""


def recommended_display_cielab(color_rgb: tuple[float, float, float]) -> tuple[int, ...]:
    """Return Recommended Display CIELab Value (0062,000D) for red, green and blue, each 0 to 1, sRGB."""
    linear = [_linear(min(max(channel, 0.0), 1.0)) for channel in color_rgb]
    xyz = [sum(weight * channel for weight, channel in zip(row, linear)) for row in _LINEAR_RGB_TO_XYZ]
    x, y, z = (_scaled_root(value / white) for value, white in zip(xyz, _WHITE_D65))
    lab = 116 * y - 16, 500 * (x - y), 200 * (y - z)
    shares = ((value - lowest) / (highest - lowest) for value, (lowest, highest) in zip(lab, _RANGES))
    return tuple(round(min(max(share, 0.0), 1.0) * 65535) for share in shares)


def _linear(channel: float) -> float:
    return float(((channel + 0.055) / 1.055) ** 2.4) if channel > 0.04045 else channel / 12.92


def _scaled_root(share: float) -> float:
    return float(share ** (1 / 3)) if share > 0.008856 else 7.787 * share + 16 / 116

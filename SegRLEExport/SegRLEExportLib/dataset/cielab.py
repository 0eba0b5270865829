"""Display colours as CIELab in 16 bits (PS3.3, C.10.7.1.1).

The white point is D65, as in dcmqi, DCMTK and dcm4che, so that Slicer gets back the colour it had; by the
letter of the standard it would be D50, a difference that nobody sees and no reader undoes.
"""

from __future__ import annotations

import numpy as np

_LINEAR_RGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE_D65 = np.array([0.95047, 1.0, 1.08883])


def recommended_display_cielab(color_rgb: tuple[float, float, float]) -> list[int]:
    """Return Recommended Display CIELab Value (0062,000D) for red, green and blue, each 0 to 1, sRGB."""
    rgb = np.clip(np.array(color_rgb, dtype=float), 0.0, 1.0)
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    relative = _LINEAR_RGB_TO_XYZ @ linear / _WHITE_D65
    x, y, z = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    lightness, a, b = 116 * y - 16, 500 * (x - y), 200 * (y - z)
    scaled = np.array([lightness / 100, (a + 128) / 255, (b + 128) / 255])
    return [int(value) for value in np.rint(np.clip(scaled, 0, 1) * 65535)]

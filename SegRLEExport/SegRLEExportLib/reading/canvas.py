"""Label layers that segments are painted on: as few as there can be without one covering another."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.segmentation import Labels

Part = tuple[int, int, int]
"""Plane, and the pixels of it from the first to behind the last, counted row by row."""


class Canvas:
    """Layers of one shape."""

    def __init__(self, shape_kji: tuple[int, int, int], largest_value: int) -> None:
        self._shape = shape_kji
        self._dtype = np.dtype(np.uint8 if largest_value <= 255 else np.uint16)
        self.layers: list[Labels] = []
        self.layer_of: dict[int, int] = {}
        """By value: the layer on which it is."""
        self._parts: dict[int, list[Part]] = defaultdict(list)

    def paint(self, value: int, plane: int, first_pixel: int, bits: NDArray[np.uint8]) -> None:
        """Give the pixels of a plane from one on the value where a bit is 1.

        A segment that would cover another is moved to the next layer where it covers none.
        """
        part = plane, first_pixel, first_pixel + len(bits)
        mask = self._mask(bits)
        layer = self.layer_of.get(value, 0)
        if not self._is_free(layer, value, part, mask):
            layer = self._moved(value, layer, part, mask)
        self.layer_of[value] = layer
        self._parts[value].append(part)
        pixels = self._pixels(layer, part)
        mask &= self._dtype.type(value)
        pixels |= mask

    def add(self, labels: Labels) -> int:
        """Take a whole layer; return its index."""
        self.layers.append(labels)
        return len(self.layers) - 1

    def _mask(self, bits: NDArray[np.uint8]) -> Labels:
        """Return the largest value where a bit is 1."""
        if self._dtype == np.uint8:
            return np.negative(bits)
        return np.negative(bits.astype(np.uint16))

    def _pixels(self, layer: int, part: Part) -> Labels:
        while layer >= len(self.layers):
            self.layers.append(np.zeros(self._shape, self._dtype))
        plane, start, stop = part
        pixels: Labels = self.layers[layer][plane].reshape(-1)[start:stop]
        return pixels

    def _is_free(self, layer: int, value: int, part: Part, mask: Labels) -> bool:
        """Tell whether nobody else has any of the pixels."""
        there = self._pixels(layer, part) & mask
        if not _any(there):
            return True
        return not np.any((there != 0) & (there != value))

    def _moved(self, value: int, layer: int, part: Part, mask: Labels) -> int:
        """Take a value from its layer to the next one that has room for all of it and for one part more."""
        parts = self._parts[value]
        masks = [(self._pixels(layer, old) == value).astype(np.uint8) for old in parts]
        target = layer + 1
        while not (
            self._is_free(target, value, part, mask)
            and all(self._is_free(target, value, old, self._mask(bits)) for old, bits in zip(parts, masks))
        ):
            target += 1
        for old, bits in zip(parts, masks):
            self._pixels(layer, old)[bits.view(bool)] = 0
            self._pixels(target, old)[bits.view(bool)] = value
        return target


def _any(labels: Labels) -> bool:
    """Tell whether any label is not 0, eight bytes at a time where they come so."""
    if labels.nbytes % 8 == 0:
        return bool(np.bitwise_or.reduce(labels.view(np.uint64)))
    return bool(labels.any())

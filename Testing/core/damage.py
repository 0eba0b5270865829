"""Bytes of a file, damaged as chance will."""

from __future__ import annotations

import numpy as np


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Flip bits, overwrite, cut, repeat or zero bytes, most often in what is not pixels."""
    data = bytearray(content)
    for _ in range(random.integers(1, 5)):
        at = int(random.integers(len(data)))
        kind = random.integers(7)
        if kind == 0:
            data[at] ^= 1 << random.integers(8)
        elif kind == 1:
            data[at : at + 4] = random.bytes(4)
        elif kind == 2:
            data[at : at + 4] = b"\xff\xff\xff\xff"
        elif kind == 3:
            del data[at : at + int(random.integers(1, 64))]
        elif kind == 4:
            data[at:at] = data[at : at + int(random.integers(1, 64))]
        elif kind == 5:
            data[at : at + int(random.integers(1, 256))] = bytes(int(random.integers(1, 256)))
        elif len(data) > 200:
            del data[at:]
        if not data:
            data = bytearray(b"\0")
    return bytes(data)

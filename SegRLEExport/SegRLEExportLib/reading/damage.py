"""What readers raise where the bytes of a file are not what they should be."""

from __future__ import annotations

import struct
import zlib

from pydicom.errors import InvalidDicomError

DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""Of pydicom, its decoders, a walk over the bytes and a look at an attribute.

`RecursionError`, of sequences within sequences, is a `RuntimeError`.
"""

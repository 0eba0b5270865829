"""What readers raise where the bytes of a file are not what they should be, and the sentence that is made of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.errors import InvalidDicomError

from SegRLEExportLib.errors import NotASegmentationFileError

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


class SegFileError(ValueError):
    """Why a file cannot be read as a SEG, as a clause that says where; doors make a sentence of it."""


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Turn what a damaged or foreign file makes its readers raise into a sentence that says what was being read.

    Raises `NotASegmentationFileError`. For reading only: a mistake of ours elsewhere must stay a traceback.
    """
    try:
        yield
    except SegFileError as error:
        raise NotASegmentationFileError(path, str(error)) from error
    except (*DAMAGE, MemoryError) as error:
        raise NotASegmentationFileError(path, f"{what} cannot be read ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    """Return the error's first line, which is a sentence to a person more often than the others."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

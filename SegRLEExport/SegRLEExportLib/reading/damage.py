"""What readers raise where the bytes of a file are not what they should be, and the sentence that is made of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.errors import InvalidDicomError

from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.reading.rle import RLEStructureError

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


GET_ANEW = (
    "Get the file anew from where it came; if it is the same there, the program that wrote it has to write it again."
)
"""What helps where bytes are missing, damaged or contradict each other: here they cannot be mended."""

MORE_MEMORY = "Close other programs, or take a larger machine."


class SegFileError(ValueError):
    """Why a file cannot be read as a SEG, as a clause that says where; doors make a sentence of it."""


class NoSegError(SegFileError):
    """The file is none: another one is needed."""


class CutShortError(SegFileError):
    """The file ends too early."""


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Turn what a damaged or foreign file makes its readers raise into a sentence that says what was being read.

    Raises `NotASegmentationFileError`. For reading only: a mistake of ours elsewhere must stay a traceback.
    """
    try:
        yield
    except NoSegError as error:
        raise NotASegmentationFileError(path, str(error)) from error
    except SegFileError as error:
        raise NotASegmentationFileError(path, str(error), GET_ANEW) from error
    except RLEStructureError as error:
        raise NotASegmentationFileError(path, f"{what} is not as DICOM has it: {error}", GET_ANEW) from error
    except MemoryError as error:
        raise NotASegmentationFileError(path, f"{what} is too large for this machine's memory", MORE_MEMORY) from error
    except DAMAGE as error:
        raise NotASegmentationFileError(path, f"{what} cannot be read ({_reason(error)})", GET_ANEW) from error


def _reason(error: BaseException) -> str:
    """Return the error's first line, which is a sentence to a person more often than the others.

    A name that was looked up and not found is none without the kind of the error.
    """
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return f"{type(error).__name__}: {lines[0]}" if isinstance(error, LookupError) else lines[0]

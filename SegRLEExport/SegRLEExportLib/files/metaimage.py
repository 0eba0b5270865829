"""MetaImage (.mha, .mhd), as ITK writes it: a header of `Key = Value` lines, the voxels behind it or in one file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from SegRLEExportLib.files.byte_stream import ByteStream, UnreadableError, file_of_voxels
from SegRLEExportLib.files.volume import Volumes, kji_to_lps, placed, read_array
from SegRLEExportLib.model.geometry import Matrix

_MOST_LINE_BYTES = 1 << 12
_MOST_LINES = 1 << 12

_STARTS = (b"ObjectType", b"NDims", b"Comment")

_DTYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}

_TRUE, _FALSE = ("true", "t", "1"), ("false", "f", "0")

_AXES = ("TransformMatrix", "Rotation", "Orientation")

Fields = dict[str, str]


def is_metaimage(start: bytes) -> bool:
    """Whether a file that begins so is MetaImage."""
    return start.startswith(_STARTS)


def read_metaimage(file: BinaryIO, path: Path) -> Volumes:
    """Return the volume of an open file; raise `UnreadableError`."""
    fields = _fields(file)
    i, j, k = _sizes(fields)
    dtype = _dtype(fields)
    geometry = placed((k, j, i), _kji_to_lps(fields))
    with _data_file(fields, file, path) as data:
        stream = (
            ByteStream.inflated(data, zlib.MAX_WBITS) if _is_true(fields, "CompressedData") else ByteStream.plain(data)
        )
        return Volumes(read_array(stream, (1, k, j, i), dtype), geometry)


def _fields(file: BinaryIO) -> Fields:
    fields: Fields = {}
    for _ in range(_MOST_LINES):
        try:
            line = file.readline(_MOST_LINE_BYTES).decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnreadableError("its header is damaged: it has bytes that are not UTF-8") from error
        name, separator, value = (part.strip() for part in line.partition("="))
        if not separator or name in fields:
            raise UnreadableError(f"its header is damaged at the line '{line.strip()[:40]}'")
        fields[name] = value
        if name == "ElementDataFile":
            return fields
    raise UnreadableError("its header does not come to an end")


def _get(fields: Fields, *names: str) -> str:
    for name in names:
        if name in fields:
            return fields[name]
    raise UnreadableError(f"its header has no '{names[0]}'")


def _is_true(fields: Fields, name: str) -> bool:
    word = fields.get(name, "False").lower()
    if word not in (*_TRUE, *_FALSE):
        raise UnreadableError(f"its header is damaged: {name} is '{word[:40]}'")
    return word in _TRUE


def _numbers(fields: Fields, count: int, *names: str) -> Matrix:
    text = _get(fields, *names)
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise UnreadableError(f"its header is damaged: {names[0]} is '{text[:40]}'") from error
    if len(numbers) != count or not np.all(np.isfinite(numbers)):
        raise UnreadableError(f"its header is damaged: {names[0]} is '{text[:40]}'")
    return numbers


def _sizes(fields: Fields) -> tuple[int, int, int]:
    if fields.get("NDims") != "3":
        raise UnreadableError(f"it has {fields.get('NDims', 'unknown')[:20]} dimensions, and 3 are needed")
    if fields.get("ElementNumberOfChannels", "1") != "1":
        raise UnreadableError("its voxels are colours or vectors, and numbers are needed")
    numbers = _numbers(fields, 3, "DimSize")
    if not all(1 <= number < 2**31 and number == int(number) for number in numbers):
        raise UnreadableError(f"its sizes are {fields['DimSize'][:40]}")
    i, j, k = (int(number) for number in numbers)
    return i, j, k


def _dtype(fields: Fields) -> np.dtype[Any]:
    word = _get(fields, "ElementType")
    if word not in _DTYPES:
        raise UnreadableError(f"its voxels are of the type '{word[:40]}', and numbers are needed")
    is_big = _is_true(fields, "BinaryDataByteOrderMSB") or _is_true(fields, "ElementByteOrderMSB")
    return np.dtype((">" if is_big else "<") + _DTYPES[word])


def _kji_to_lps(fields: Fields) -> Matrix:
    """Return where voxels lie: axes are the rows of the matrix, and space is the patient's L, P, S, as ITK has it."""
    if not _is_true(fields, "BinaryData"):
        raise UnreadableError("its voxels are text; save it as binary data")
    spacing = _numbers(fields, 3, "ElementSpacing", "ElementSize")
    if not np.all(spacing > 0):
        raise UnreadableError(f"its voxels have the sizes {fields.get('ElementSpacing', '')[:40]}")
    return kji_to_lps(_axes(fields) * spacing[:, None], _numbers(fields, 3, "Offset", "Position", "Origin"))


def _axes(fields: Fields) -> Matrix:
    """Return the directions of i, j and k, a row each; they are those of space where the header says nothing."""
    if not any(name in fields for name in _AXES):
        return np.eye(3)
    return _numbers(fields, 9, *_AXES).reshape(3, 3)


@contextmanager
def _data_file(fields: Fields, file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    name = fields["ElementDataFile"]
    if name.upper() == "LOCAL":
        yield file
        return
    if name.upper().startswith("LIST") or "%" in name or not name:
        raise UnreadableError("its voxels are in several files; save it as one .mha")
    if fields.get("HeaderSize", "0") != "0":
        raise UnreadableError("its voxels are behind another header; save it as one .mha")
    with file_of_voxels(path, name) as data:
        yield data

"""NRRD: the header, strictly, and the voxels, in the file or beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.files.byte_stream import (
    ByteStream,
    IncompleteError,
    OtherKindError,
    UnreadableError,
    file_of_voxels,
)
from SegRLEExportLib.files.volume import Volumes, kji_to_lps, placed, read_array
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.geometry import Geometry, Matrix

_MOST_HEADER_BYTES = 1 << 24
_MOST_AXES = 16

_MAGIC = re.compile(r"NRRD000[1-5]")

_TYPES = {
    "int8": "signed char, int8, int8_t",
    "uint8": "uchar, unsigned char, uint8, uint8_t",
    "int16": "short, short int, signed short, signed short int, int16, int16_t",
    "uint16": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "int32": "int, signed int, int32, int32_t",
    "uint32": "uint, unsigned int, uint32, uint32_t",
    "int64": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "uint64": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "float32": "float",
    "float64": "double",
}
_DTYPES = {word: np.dtype(name) for name, words in _TYPES.items() for word in words.split(", ")}

_FIELD = re.compile(
    "axis ?maxs|axis ?mins|block ?size|byte ?skip|centerings|centers|content|data ?file|dimension|encoding|endian|"
    "kinds|labels|line ?skip|max|measurement frame|min|number|old ?max|old ?min|sample ?units|sizes|space|"
    "space dimension|space directions|space origin|space units|spacings|thicknesses|type|units"
)

_SPACES = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}
"""What makes LPS of a space's coordinates."""

_UNIT = re.compile(r'"[^"]*"|\S+')
"""A unit in quotes, or as some write it, without."""

_ESCAPED = re.compile(r"\\([n\\])")


@dataclass(frozen=True)
class NrrdHeader:
    """The lines before the voxels."""

    fields: dict[str, str]
    """By name in lower case."""
    keys: dict[str, str]
    """The key/value pairs, where programs keep what the format does not know."""

    def field(self, *names: str) -> str:
        """Return the value of the first of the names that is there; raise `UnreadableError` if none is."""
        for name in names:
            if name in self.fields:
                return self.fields[name]
        raise UnreadableError(f"its header has no '{names[0]}'")

    def number(self, *names: str) -> int:
        """Return the whole number that one of the names has, 0 if none is there."""
        if not any(name in self.fields for name in names):
            return 0
        return _whole(self.field(*names), names[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        """The lengths of the axes, the fastest first."""
        sizes = tuple(_whole(word, "sizes") for word in self.field("sizes").split())
        if len(sizes) != self.number("dimension") or len(sizes) > _MOST_AXES:
            raise UnreadableError(f"its header is damaged: {len(sizes)} sizes do not fit its dimension")
        if min(sizes, default=0) < 1:
            raise UnreadableError(f"its sizes are {' x '.join(str(size) for size in sizes)}")
        return sizes


def is_nrrd(start: bytes) -> bool:
    """Whether a file that begins so is NRRD."""
    return start[:4] == b"NRRD"


def read_header(file: BinaryIO) -> NrrdHeader:
    """Return the header of an open file and leave the file behind it; raise `UnreadableError`."""
    lines = _lines(file)
    if not _MAGIC.fullmatch(next(lines, "")):
        raise OtherKindError("it is not NRRD, or of a version that is not known here")
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    for line in lines:
        name, separator, value = _parts(line)
        if not separator:
            raise UnreadableError(f"its header is damaged: the line '{line[:40]}' has no colon")
        if separator == ":=":
            _put(keys, name, _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else "\\", value))
        elif _FIELD.fullmatch(name.lower()):
            _put(fields, name.lower(), value.strip())
        else:
            raise UnreadableError(f"its header is damaged: '{name[:40]}' is no field of NRRD")
    return NrrdHeader(fields, keys)


def read_volumes(header: NrrdHeader, file: BinaryIO, path: Path) -> Volumes:
    """Return the volumes of an open file that stands behind its header; raise `UnreadableError`."""
    geometry = grid_of(header)
    _, list_axis = _axes(header, header.sizes)
    voxels = read_voxels(header, file, path)
    if list_axis is not None:
        voxels = np.ascontiguousarray(np.moveaxis(voxels, len(header.sizes) - 1 - list_axis, 0))
    return Volumes(voxels.reshape(-1, *geometry.shape_kji), geometry)


def grid_of(header: NrrdHeader) -> Geometry:
    """Return where the voxels of each volume lie; raise `UnreadableError`."""
    axes, _ = _axes(header, header.sizes)
    directions, origin = _directions(header, axes), _origin(header)
    if len(axes) == 2:
        directions = np.vstack([directions, _across(directions)])
    i, j, k = (*(header.sizes[axis] for axis in axes), 1)[:3]
    return placed((k, j, i), kji_to_lps(directions, origin))


def read_voxels(header: NrrdHeader, file: BinaryIO, path: Path) -> NDArray[Any]:
    """Return all voxels, slowest axis first."""
    shape, dtype = header.sizes[::-1], _dtype(header)
    encoding = header.field("encoding").lower()
    with _data_file(header, file, path) as data:
        if encoding == "raw":
            _skip_bytes(header, data, prod(shape) * dtype.itemsize)
            return read_array(ByteStream.plain(data), shape, dtype)
        if encoding in ("gzip", "gz"):
            stream = ByteStream.gunzipped(data)
            stream.skip(_bytes_to_skip(header))
            return read_array(stream, shape, dtype)
        if encoding in ("ascii", "text", "txt"):
            return _written_as_text(data, shape, dtype)
    raise UnreadableError(f"its voxels are encoded as '{encoding}'; save it with the encoding gzip or raw")


def vectors(text: str, name: str) -> list[Matrix | None]:
    """Return the vectors of a field, None for `none`."""
    found: list[Matrix | None] = []
    for one in re.findall(r"none|\([^()]*\)|\S+", text):
        if one == "none":
            found.append(None)
            continue
        try:
            numbers = [float(word) for word in one.strip("()").split(",")]
        except ValueError as error:
            raise UnreadableError(f"its header is damaged: '{one[:40]}' in '{name}' is no vector") from error
        if not one.startswith("(") or not np.all(np.isfinite(numbers)):
            raise UnreadableError(f"its header is damaged: '{one[:40]}' in '{name}' is no vector")
        found.append(np.array(numbers))
    return found


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines that are no comments, up to the empty one or, if the voxels are elsewhere, to the file's end."""
    total = 0
    while raw := file.readline(_MOST_HEADER_BYTES):
        total += len(raw)
        if total > _MOST_HEADER_BYTES:
            raise UnreadableError("its header does not come to an end")
        if raw.startswith(b"#"):
            continue  # a comment, in any character set
        try:
            line = raw.decode("utf-8").rstrip("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise UnreadableError("its header is damaged: it has bytes that are not UTF-8") from error
        if not line:
            return
        yield line


def _parts(line: str) -> tuple[str, str, str]:
    """Return a name, what parts it from its value, and the value; ':=' follows a key, which may have colons itself."""
    name, separator, value = line.partition(":=")
    return (name, separator, value) if separator and ": " not in name else line.partition(":")


def _put(values: dict[str, str], name: str, value: str) -> None:
    if name in values:
        raise UnreadableError(f"its header is damaged: '{name[:40]}' is there twice")
    values[name] = value


def _whole(text: str, name: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise UnreadableError(f"its header is damaged: '{text[:40]}' in '{name}' is no whole number")
    return int(text)


def _dtype(header: NrrdHeader) -> np.dtype[Any]:
    word = header.field("type").lower()
    if word not in _DTYPES:
        raise UnreadableError(f"its voxels are of the type '{word[:40]}', and numbers are needed")
    dtype = _DTYPES[word]
    if dtype.itemsize == 1 or header.fields.get("encoding", "").lower() in ("ascii", "text", "txt"):
        return dtype
    endian = header.field("endian").lower()
    if endian not in ("little", "big"):
        raise UnreadableError(f"its header is damaged: its byte order is called '{endian[:40]}'")
    return dtype.newbyteorder("<" if endian == "little" else ">")


def _axes(header: NrrdHeader, sizes: tuple[int, ...]) -> tuple[list[int], int | None]:
    """Return the axes in space, fastest first, and the axis that lists volumes, if there is one."""
    all_directions = vectors(header.field("space directions"), "space directions")
    if len(all_directions) != len(sizes):
        raise UnreadableError(f"its header is damaged: {len(all_directions)} directions do not fit its dimension")
    axes = [axis for axis, direction in enumerate(all_directions) if direction is not None]
    others = [axis for axis in range(len(sizes)) if axis not in axes]
    if len(axes) not in (2, 3) or len(others) > 1:
        rest = counted(len(others), "other axis", "other axes")
        raise UnreadableError(
            f"it has {counted(len(axes), 'axis', 'axes')} in space and {rest}, and one volume is needed"
        )
    return axes, others[0] if others else None


def _to_lps(header: NrrdHeader) -> Matrix:
    if "space" not in header.fields:
        raise UnreadableError("it does not say in which space its voxels lie: its header has no 'space'")
    space = header.fields["space"].lower()
    if space not in _SPACES:
        raise UnreadableError(f"its voxels lie in the space '{space[:40]}', which is not known here")
    units = header.fields.get("space units", "")
    if any(unit not in ("mm", '"mm"', '""') for unit in _UNIT.findall(units)):
        raise UnreadableError(f"its space is measured in {units[:40]}, and mm is needed")
    return np.diag(_SPACES[space])


def _directions(header: NrrdHeader, axes: list[int]) -> Matrix:
    """Return the steps along the axes, one row each, in LPS."""
    to_lps = _to_lps(header)
    all_directions = vectors(header.field("space directions"), "space directions")
    steps = [all_directions[axis] for axis in axes]
    if any(step is None or len(step) != 3 for step in steps):
        raise UnreadableError("its header is damaged: its space directions have not three numbers each")
    return np.array(steps) @ to_lps


def _origin(header: NrrdHeader) -> Matrix:
    origins = vectors(header.field("space origin"), "space origin")
    if len(origins) != 1 or origins[0] is None or len(origins[0]) != 3:
        raise UnreadableError("its header is damaged: its space origin has not three numbers")
    return _to_lps(header) @ origins[0]


def _across(directions: Matrix) -> Matrix:
    """Return a step of 1 mm across two axes: what a single plane has for a third."""
    normal = np.cross(directions[0], directions[1])
    return normal / (np.linalg.norm(normal) or 1.0)


@contextmanager
def _data_file(header: NrrdHeader, file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """Open the file with the voxels: this one, or the one that the header names."""
    if header.number("line skip", "lineskip"):
        raise UnreadableError("its voxels are behind lines to skip; save it as one .nrrd")
    name = header.fields.get("data file", header.fields.get("datafile"))
    if name is None:
        yield file
        return
    if name.split()[0:1] == ["LIST"] or "%" in name:
        raise UnreadableError("its voxels are in several files; save it as one .nrrd")
    with file_of_voxels(path, name) as data:
        yield data


def _bytes_to_skip(header: NrrdHeader) -> int:
    count = header.number("byte skip", "byteskip")
    if count < 0:
        raise UnreadableError(f"its header is damaged: {count} bytes cannot be skipped")
    return count


def _skip_bytes(header: NrrdHeader, data: BinaryIO, needed: int) -> None:
    """Go to the voxels; -1 says that they are the end of the file."""
    if header.number("byte skip", "byteskip") != -1:
        data.seek(_bytes_to_skip(header), 1)
        return
    start = ByteStream.plain(data).most - needed
    if start < 0:
        raise IncompleteError(f"it is cut short: {-start:,} bytes are missing")
    data.seek(start, 1)


def _written_as_text(data: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    stream = ByteStream.plain(data)
    words = stream.take(stream.most).split()
    if len(words) != prod(shape):
        raise UnreadableError(f"it has {len(words):,} values, and its header says {prod(shape):,}")
    values = _numbers(words)
    with np.errstate(invalid="ignore", over="ignore"):
        held = values.astype(dtype)
    if dtype.kind != "f":
        _refuse_what_is_not_held(words, values, held)
    return held.reshape(shape)


def _numbers(words: list[bytes]) -> NDArray[np.float64]:
    try:
        if any(b"_" in word for word in words):
            raise ValueError("Python takes 1_0 for 10")
        return np.array(words).astype(np.float64)
    except (ValueError, OverflowError) as error:
        raise UnreadableError("its values are not numbers") from error


def _refuse_what_is_not_held(words: list[bytes], values: NDArray[np.float64], held: NDArray[Any]) -> None:
    """Refuse numbers that a type of whole numbers would wrap or cut: 259 in 8 bits is 3."""
    changed = np.flatnonzero(held != values)
    if changed.size:
        word = words[changed[0]].decode("ascii", "replace")
        raise UnreadableError(f"it has the value {word[:40]}, which its type, {held.dtype.name}, does not hold")


def shifted(geometry: Geometry, start_ijk: tuple[int, int, int]) -> Geometry:
    """Return the grid whose first voxel is that of another's index."""
    i, j, k = start_ijk
    return geometry.cropped((k, j, i), geometry.shape_kji)

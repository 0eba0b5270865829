"""The bytes of a file, whole or gzipped: never more than was asked for, and exactly as many as there should be."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_READ_AT_ONCE = 1 << 14
_INFLATE_AT_ONCE = 1 << 20

_MOST_FROM_ONE_BYTE = 1040
"""What deflate can make of one byte at most, a little more than 1032."""

_GZIP = b"\x1f\x8b"
_GZIP_BITS = 31


class UnreadableError(Exception):
    """Why a file cannot be read, as a clause; the door that knows what it wanted makes a sentence of it."""


class OtherKindError(UnreadableError):
    """The file is of no kind that is read here."""


class IncompleteError(UnreadableError):
    """The file was whole once, and bytes of it are missing or damaged."""


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; raise `UnreadableError` for what is none, or may not be read.

    It is opened without waiting, because a pipe that nobody writes to would never let go.
    """
    number = _opened(path)
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            is_folder = stat.S_ISDIR(os.fstat(number).st_mode)
            raise UnreadableError("it is a folder" if is_folder else "it is a device or a pipe, not a file")
        with os.fdopen(number, "rb", closefd=False) as file:
            yield file
    except OSError as error:
        raise UnreadableError(_why(error)) from error
    finally:
        os.close(number)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise UnreadableError("there is no such file") from error
    except OSError as error:
        raise UnreadableError("it is a folder" if os.path.isdir(path) else _why(error)) from error
    except ValueError as error:
        raise UnreadableError("no file can have such a name") from error


def _why(error: OSError) -> str:
    return f"the system says '{error.strerror or error}'"


@contextmanager
def file_of_voxels(header: Path, name: str) -> Iterator[BinaryIO]:
    """Open the file of voxels that a header names, beside it; what is wrong with it names it, too."""
    try:
        with regular_file(header.parent / name) as data:
            yield data
    except UnreadableError as error:
        raise type(error)(f"{error} ({name[:80]}, which holds its voxels)") from error


class ByteStream:
    """The bytes from here to the end of a file."""

    def __init__(self, chunks: Iterator[bytes], most: int) -> None:
        self._chunks = chunks
        self._waiting = memoryview(b"")
        self.most = most
        """No more bytes than these can come: nothing larger need be allocated."""

    @classmethod
    def plain(cls, file: BinaryIO) -> ByteStream:
        """Return the bytes as they are, from where the file stands."""
        return cls(_plain(file), _bytes_left(file))

    @classmethod
    def gunzipped(cls, file: BinaryIO) -> ByteStream:
        """Return the bytes of all gzip members from where the file stands; the end of each is checked by its CRC."""
        return cls.inflated(file, _GZIP_BITS)

    @classmethod
    def inflated(cls, file: BinaryIO, window_bits: int) -> ByteStream:
        """Return the bytes of all compressed parts from where the file stands; `window_bits` as zlib has it."""
        return cls(_inflated(file, window_bits), _bytes_left(file) * _MOST_FROM_ONE_BYTE)

    @classmethod
    def of_content(cls, file: BinaryIO) -> ByteStream:
        """Return the bytes, inflated if they begin as gzip does; names are not asked."""
        start = file.read(len(_GZIP))
        file.seek(0)
        return cls.gunzipped(file) if start == _GZIP else cls.plain(file)

    def take(self, count: int) -> bytes:
        """Return the next bytes, exactly so many."""
        self.refuse_more_than_there_can_be(count)
        target = np.empty(count, np.uint8)
        self.fill(target)
        return target.tobytes()

    def take_at_most(self, count: int) -> bytes:
        """Return the next bytes, fewer where the file ends."""
        chunk = bytes(self._waiting) or next(self._chunks, b"")
        self._waiting = memoryview(chunk)[count:]
        return chunk[:count]

    def fill(self, target: NDArray[Any]) -> None:
        """Put the next bytes into an array, exactly as many as it has."""
        view = target.reshape(-1).view(np.uint8).data
        done = 0
        while done < len(view):
            if not self._waiting:
                self._waiting = self._next(f"{len(view) - done:,} bytes are missing at its end")
            some = min(len(self._waiting), len(view) - done)
            view[done : done + some] = self._waiting[:some]
            self._waiting = self._waiting[some:]
            done += some

    def skip(self, count: int) -> None:
        """Leave out the next bytes."""
        while count:
            some = min(count, _INFLATE_AT_ONCE)
            self.take(some)
            count -= some

    def finish(self) -> None:
        """Raise `UnreadableError` if anything follows."""
        if self._waiting or next(self._chunks, None) is not None:
            raise UnreadableError("more bytes follow than its header says")

    def refuse_more_than_there_can_be(self, count: int) -> None:
        """Raise `UnreadableError` if the rest of the file cannot hold so many bytes."""
        if count > self.most:
            raise IncompleteError(f"it is cut short: {count:,} bytes should come, and it has {self.most:,} at most")

    def _next(self, what_if_none: str) -> memoryview:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise IncompleteError(f"it is cut short: {what_if_none}")
        return memoryview(chunk)


def _bytes_left(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size - file.tell()


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_INFLATE_AT_ONCE):
        yield chunk


def _inflated(file: BinaryIO, window_bits: int) -> Iterator[bytes]:
    """Yield what compressed parts hold, one after another to the end of the file."""
    waiting = file.read(_READ_AT_ONCE)
    while waiting:
        inflater = zlib.decompressobj(window_bits)
        while not inflater.eof:
            try:
                chunk = inflater.decompress(waiting, _INFLATE_AT_ONCE)
            except zlib.error as error:
                raise IncompleteError("its compressed bytes are damaged") from error
            if chunk:
                yield chunk
            waiting = inflater.unconsumed_tail
            if not inflater.eof and not waiting:
                waiting = file.read(_READ_AT_ONCE)
                if not waiting and not chunk:
                    raise IncompleteError("it is cut short: its compressed bytes do not come to an end")
        waiting = inflater.unused_data or file.read(_READ_AT_ONCE)

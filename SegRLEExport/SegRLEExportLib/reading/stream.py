"""The bytes of a DICOM file in order, inflated if need be: a piece at a time, and never more than the file can hold."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

from SegRLEExportLib.reading.damage import CutShortError, NoSegError, SegFileError

_READ_AHEAD = 1 << 16
_INFLATE_FROM = 1 << 14
_INFLATE_TO = 1 << 18

_MOST_FROM_ONE_BYTE = 1040
"""What deflate can make of one byte at most, a little more than 1032."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading without a buffer; raise `SegFileError` for what is none, or may not be read.

    It is opened without waiting, because a pipe that nobody writes to would never let go.
    """
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise NoSegError(f"it cannot be opened ({getattr(error, 'strerror', None) or error})") from error
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        raise NoSegError("it is a folder" if stat.S_ISDIR(mode) else "it is a device or a pipe, not a file")
    return os.fdopen(number, "rb", buffering=0)


class Stream:
    """The bytes of a file from a position on."""

    def __init__(self, path: Path, start: int, *, is_deflated: bool = False) -> None:
        self._path = path
        self._file = open_regular(path)
        self._size = os.fstat(self._file.fileno()).st_size
        self._file_at = start
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if is_deflated else None
        self._waiting = b""
        """What was read and not yet inflated."""
        self._ready = b""
        self._at = 0
        self._file.seek(start)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def copy(self) -> Stream:
        """Return another stream that stands where this one does."""
        twin = Stream(self._path, self._file_at)
        twin._inflater = None if self._inflater is None else self._inflater.copy()
        twin._waiting, twin._ready, twin._at = self._waiting, self._ready, self._at
        return twin

    @property
    def most(self) -> int:
        """How many bytes can still come at most."""
        left = self._size - self._file_at + len(self._waiting)
        return len(self._ready) - self._at + (left if self._inflater is None else left * _MOST_FROM_ONE_BYTE)

    @property
    def position(self) -> int:
        """Where in the file the next byte stands, if the file is not deflated."""
        return self._file_at - (len(self._ready) - self._at)

    def take(self, length: int) -> bytes:
        """Return the next bytes, exactly so many; raises `SegFileError` if the file ends before."""
        end = self._at + length
        if end > len(self._ready):
            self._make_ready(length)
            end = length
        taken = self._ready[self._at : end]
        self._at = end
        return taken

    def skip(self, length: int) -> None:
        """Leave out the next bytes."""
        ahead = min(length, len(self._ready) - self._at)
        self._at += ahead
        if length == ahead:
            return
        if length - ahead > self.most:
            raise _cut_short()
        if self._inflater is None:
            self._file_at = self._file.seek(length - ahead, os.SEEK_CUR)
            return
        for start in range(ahead, length, _INFLATE_TO):
            self.take(min(_INFLATE_TO, length - start))

    def is_at_end(self) -> bool:
        """Tell whether no byte follows."""
        if self._at == len(self._ready):
            self._ready, self._at = self._more(1), 0
        return not self._ready

    def has_rest(self) -> bool:
        """Tell whether anything follows, also behind deflated bytes but for the one that makes them even (A.5)."""
        if not self.is_at_end():
            return True
        behind = b"" if self._inflater is None else self._inflater.unused_data + self._read(2)
        return behind not in (b"", b"\0")

    def _make_ready(self, length: int) -> None:
        if length > self.most:
            raise _cut_short()
        pieces = [self._ready[self._at :]] if self._at < len(self._ready) else []
        missing = length - sum(map(len, pieces))
        while missing > 0:
            more = self._more(missing)
            if not more:
                raise _cut_short()
            pieces.append(more)
            missing -= len(more)
        self._ready = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._at = 0

    def _more(self, wanted: int) -> bytes:
        """Return some of the bytes that follow those that are ready; what is long is read to its end, no farther."""
        if self._inflater is None:
            return self._read(wanted if wanted >= _READ_AHEAD else _READ_AHEAD)
        while not self._inflater.eof:
            self._waiting = self._waiting or self._read(_INFLATE_FROM)
            if not self._waiting:
                raise SegFileError("its deflated bytes do not come to an end")
            try:
                inflated = self._inflater.decompress(self._waiting, _INFLATE_TO)
            except zlib.error as error:
                raise SegFileError(f"its deflated bytes are damaged ({error})") from error
            self._waiting = self._inflater.unconsumed_tail
            if inflated:
                return inflated
        return b""

    def _read(self, count: int) -> bytes:
        try:
            read = self._file.read(count)
        except OSError as error:
            raise SegFileError(f"the system says '{error.strerror or error}'") from error
        self._file_at += len(read)
        return read


def _cut_short() -> CutShortError:
    return CutShortError("it is cut short: the file ends in the middle of an element")

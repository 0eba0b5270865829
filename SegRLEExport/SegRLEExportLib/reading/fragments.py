"""The items of encapsulated Pixel Data, and which of them are a frame (PS3.5, A.4)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.reading.damage import CutShortError, SegFileError
from SegRLEExportLib.reading.elements import ITEM, ITEM_HEAD, SEQUENCE_END, UNDEFINED, tag_text
from SegRLEExportLib.reading.stream import Stream

_MOST_FRAGMENTS = 4096
"""Of one frame."""


@dataclass(frozen=True)
class Fragments:
    """The items of encapsulated Pixel Data."""

    table_length: int
    """Bytes of the first item, the Basic Offset Table."""
    offsets: tuple[int, ...]
    """Where frames begin, as a table says; empty if there is none."""
    lengths: tuple[int, ...]
    frame_count: int
    has_more: bool
    """Whether bytes follow behind."""

    def of_frames(self) -> list[tuple[int, ...]]:
        """Return for each frame the lengths of its fragments; raises `SegFileError` where that is not known."""
        if len(self.lengths) == self.frame_count:
            return [(length,) for length in self.lengths]
        if self.frame_count == 1:
            return [self.lengths]
        number_at = {start: number for number, start in enumerate(self._starts())}
        firsts = [number_at.get(offset, -1) for offset in self.offsets]
        if len(firsts) != self.frame_count or firsts[0] != 0 or firsts != sorted(set(firsts)):
            raise SegFileError(f"there are {len(self.lengths)} fragments for {self.frame_count} frames")
        return [self.lengths[first:last] for first, last in pairwise([*firsts, len(self.lengths)])]

    def faults(self) -> list[str]:
        """Return what DICOM does not allow, though it may be read."""
        if not self.offsets:
            return []
        if len(self.offsets) != self.frame_count:
            return [f"{len(self.offsets)} offsets for {self.frame_count} frames"]
        starts = self._starts()
        if len(self.lengths) != self.frame_count:
            return []
        wrong = [n for n, pair in enumerate(zip(self.offsets, starts)) if pair[0] != pair[1]]
        return [f"frame {n + 1} begins at {starts[n]}, its offset says {self.offsets[n]}" for n in wrong]

    def refuse_faults(self) -> None:
        """Raise `SegFileError` with the first fault."""
        if len(self.lengths) != self.frame_count:
            raise SegFileError(f"there are {len(self.lengths)} fragments for {self.frame_count} frames")
        for fault in self.faults():
            raise SegFileError(fault)
        if self.has_more:
            raise SegFileError("something follows Pixel Data")

    def _starts(self) -> list[int]:
        starts, position = [], 0
        for length in self.lengths:
            starts.append(position)
            position += 8 + length
        return starts


def fragments_at(start: Stream, frame_count: int, extended_offsets: bytes) -> Fragments:
    """Return how long each fragment is, without reading them; raises `SegFileError`.

    Copies of `start` stand where the value of Pixel Data begins; Extended Offset Table (7FE0,0001) may be empty.
    """
    most = frame_count * _MOST_FRAGMENTS if frame_count < 100 else 4 * frame_count
    with start.copy() as stream:
        table = stream.take(_item_length(stream))
        lengths: list[int] = []
        try:
            while (length := _item_length(stream)) >= 0:
                if len(lengths) >= most:
                    raise SegFileError(f"there are more than {most} fragments for {frame_count} frames")
                stream.skip(length)
                lengths.append(length)
        except CutShortError as error:
            found, due = counted(len(lengths), "whole fragment"), counted(frame_count, "frame")
            raise CutShortError(f"it is cut short: the file ends in Pixel Data, behind {found} for {due}") from error
        has_more = not stream.is_at_end()
    stated, kind = (extended_offsets, "<u8") if extended_offsets else (table, "<u4")
    offsets = np.frombuffer(stated[: len(stated) // int(kind[2]) * int(kind[2])], kind).tolist()
    return Fragments(len(table), tuple(offsets), tuple(lengths), frame_count, has_more)


def _item_length(stream: Stream) -> int:
    """Return the length of the next item, -1 at the end of all."""
    group, element, length = ITEM_HEAD["<"].unpack(stream.take(8))
    tag = group << 16 | element
    if tag == SEQUENCE_END:
        return -1
    if tag != ITEM or length == UNDEFINED:
        raise SegFileError(f"{tag_text(tag)} stands where an item was due")
    return int(length)

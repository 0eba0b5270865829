"""Planes as runs of equal pixels: what the index counts, what label maps are put together from, what RLE writes.

A plane of labels has a quarter of a million pixels and a few thousand runs, so it is scanned once and everything
else is done with its runs. Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.unsignedinteger[Any]]
Counts = NDArray[np.signedinteger[Any]]

_WORD = 8
"""Bytes that are looked at together; most words of a plane begin no run."""


@dataclass(frozen=True, eq=False)
class Runs:
    """A plane as its runs, in order: none crosses the end of a row, neighbours in a row differ."""

    values: Pixels
    starts: Counts
    """First pixel of each run, counted from the first of the plane."""
    rows: int
    columns: int

    @classmethod
    def blank(cls, rows: int, columns: int, dtype: type[np.unsignedinteger[Any]]) -> Runs:
        """Return a plane of zeros."""
        return cls(np.zeros(rows, dtype), np.arange(rows, dtype=_count_type(rows * columns)) * columns, rows, columns)

    @property
    def lengths(self) -> Counts:
        """Pixels of each run."""
        lengths = np.empty_like(self.starts)
        np.subtract(self.starts[1:], self.starts[:-1], out=lengths[:-1])
        lengths[-1] = self.rows * self.columns - self.starts[-1]
        return lengths

    @property
    def begins_row(self) -> NDArray[np.bool_]:
        """Whether each run is the first of its row."""
        begins: NDArray[np.bool_] = self.starts % self.columns == 0
        return begins

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.values.nbytes + self.starts.nbytes

    def pixels(self) -> Pixels:
        """Return the plane, (rows, columns)."""
        return np.repeat(self.values, self.lengths).reshape(self.rows, self.columns)

    def with_values(self, values: Pixels) -> Runs:
        """Return the plane with other values in its runs; neighbours that now are alike become one."""
        differs = np.empty(values.size, dtype=bool)
        differs[0] = True
        np.not_equal(values[1:], values[:-1], out=differs[1:])
        if not differs.all():
            differs |= self.begins_row
        if differs.all():
            return Runs(values, self.starts, self.rows, self.columns)
        return Runs(values[differs], self.starts[differs], self.rows, self.columns)

    def placed(self, rows: int, columns: int, first_row: int, first_column: int) -> Runs:
        """Return a plane of `rows` x `columns` with this one at that row and column, and 0 around it.

        Each run moves to where it begins in the wide row; a run of 0 is added at the head of every row, if there is
        space before this plane, and behind its rows, if there is space there. For example a row of three pixels
        placed at column 2 of eight

            own      5 5 0              5 from 0, 0 from 2
            moved    - - 5 5 0 - - -    5 from 2, 0 from 4
            added                       0 from 0 (head), 0 from 5 (behind)
            result   0 0 5 5 0 0 0 0    0 from 0, 5 from 2, 0 from 4: the last two runs of 0 become one
        """
        if (self.rows, self.columns) == (rows, columns):
            return self
        row, column = np.divmod(self.starts.astype(_count_type(rows * columns), copy=False), self.columns)
        every_row = np.arange(rows, dtype=row.dtype)
        own_rows = every_row[first_row : first_row + self.rows]
        before = every_row if first_column else np.delete(every_row, own_rows)
        is_space_behind = first_column + self.columns < columns
        behind = (own_rows if is_space_behind else own_rows[:0]) * columns + first_column + self.columns
        starts = np.concatenate([(row + first_row) * columns + column + first_column, before * columns, behind])
        values = np.zeros(starts.size, dtype=self.values.dtype)
        values[: self.values.size] = self.values
        order = np.argsort(starts, kind="stable")
        return Runs(values, starts[order], rows, columns).with_values(values[order])

    @classmethod
    def together(cls, planes: Sequence[Runs]) -> Runs:
        """Return the plane that holds all of `planes`, of which at most one is not 0 at any pixel.

        The runs that are not 0 are simply put in order; a run of 0 begins where one of them stops, unless the next
        begins there, and at each row. For example on a row of ten pixels

            one      0 0 5 5 0 0 0 0 0 0    5 from 2, stops at 4
            other    0 0 0 0 7 7 7 0 0 0    7 from 4, stops at 7
            begins   0 (row), 4 and 7 (stops), 2 and 4 (runs): of the two at 4 the run, the last named, counts
            result   0 from 0, 5 from 2, 7 from 4, 0 from 7
        """
        first, *others = planes
        if not others:
            return first
        rows, columns, pixels = first.rows, first.columns, first.rows * first.columns
        shown = [np.flatnonzero(plane.values) for plane in planes]
        begins = np.concatenate([plane.starts[which] for plane, which in zip(planes, shown)])
        stops = begins + np.concatenate([plane.lengths[which] for plane, which in zip(planes, shown)])
        blank = cls.blank(rows, columns, first.values.dtype.type)
        starts = np.concatenate([blank.starts, stops[stops < pixels], begins])
        values = np.zeros(starts.size, dtype=first.values.dtype)
        values[starts.size - begins.size :] = np.concatenate(
            [plane.values[which] for plane, which in zip(planes, shown)]
        )
        order = np.argsort(starts, kind="stable")
        starts, values = starts[order], values[order]
        is_last_there = np.append(starts[1:] != starts[:-1], True)
        return cls(values[is_last_there], starts[is_last_there], rows, columns).with_values(values[is_last_there])


class RunFinder:
    """Finds the runs of planes, in room of its own: memory that is new for each plane costs more than the work."""

    def __init__(self) -> None:
        self._room = np.zeros(0, dtype=bool)

    def runs_of(self, plane: Pixels) -> Runs:
        """Return the runs of `plane`, (rows, columns)."""
        rows, columns = plane.shape
        flat = np.ascontiguousarray(plane).reshape(-1)
        is_start = self._room_for(flat.size)
        np.not_equal(flat[1:], flat[:-1], out=is_start[1 : flat.size])
        is_start[: flat.size : columns] = True
        starts = _positions_of_true(is_start)
        return Runs(flat[starts], starts.astype(_count_type(flat.size)), rows, columns)

    def _room_for(self, pixels: int) -> NDArray[np.bool_]:
        """Return room for so many pixels and False behind them, whole words in all."""
        if not pixels <= self._room.size < pixels + _WORD:
            self._room = np.zeros(-(-pixels // _WORD) * _WORD, dtype=bool)
        self._room[pixels:] = False
        return self._room


def _positions_of_true(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return where `flags` are, looking at whole words first: twice as fast where few are."""
    words = flags.view(np.uint64)
    used_words = np.flatnonzero(words != 0)
    within = np.flatnonzero(words[used_words].view(bool))
    positions: NDArray[np.intp] = (used_words[within >> 3] << 3) + (within & 7)
    return positions


def _count_type(pixels: int) -> type[np.signedinteger[Any]]:
    """Return the type that counts so many pixels in the least memory."""
    return np.int32 if pixels < 2**31 else np.int64

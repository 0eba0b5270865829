"""Neighbouring equal pixels of a row: what the index counts and run-length coding writes. Knows arrays only."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Pixel = TypeVar("Pixel", bound=np.unsignedinteger[Any])


def runs_within_rows(plane: NDArray[Pixel]) -> tuple[NDArray[Pixel], NDArray[np.intp], NDArray[np.intp]]:
    """Return value, start and length of each run of `plane`, (rows, columns), in order.

    A start is counted in pixels from the first of the plane; no run crosses the end of a row.
    """
    flat = np.ascontiguousarray(plane).reshape(-1)
    is_start = np.empty(flat.size, dtype=bool)
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    is_start[:: plane.shape[1]] = True
    starts = np.flatnonzero(is_start)
    return flat[starts], starts, np.diff(starts, append=flat.size)

"""Is what a reader found what was written? Every voxel of every segment is compared at its place in the patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from peers.cases import TrueSegment, Truth, WrittenFile
from peers.reading.found import FoundSegment

PLACE_TOLERANCE_VOXELS = 0.02
"""A voxel may lie so far from where it should: positions are rounded to be written as text."""


@dataclass(frozen=True)
class _Expected:
    truth: Truth
    file: WrittenFile

    def segment(self, found: FoundSegment) -> TrueSegment | None:
        """Return the segment that `found` claims to be: by number where the reader shows numbers, else by name."""
        name = found.name if found.number is None else self.file.names.get(found.number)
        return self.truth.segments.get(name) if name in self.file.names.values() else None


def differences(truth: Truth, file: WrittenFile, found: Iterable[FoundSegment]) -> list[str]:
    """Return what differs, each as a few words; an empty list means that the reader is right."""
    expected = _Expected(truth, file)
    told: list[str] = []
    met: set[str] = set()
    for segment in found:
        true = expected.segment(segment)
        if true is None:
            if len(segment.points_lps) or segment.name:
                told.append(f"{segment.name or segment.number} is no segment of this file")
            continue
        if true.name in met:
            told.append(f"{true.name} is shown twice")
        met.add(true.name)
        told.extend(_segment_differences(truth, true, segment))
    missing = [name for name in file.names.values() if name not in met and truth.segments[name].mask_kji.any()]
    if missing:
        told.append(f"{len(missing)} segments are not shown, the first: {missing[0]}")
    return told


def _segment_differences(truth: Truth, true: TrueSegment, found: FoundSegment) -> Iterator[str]:
    if found.name is not None and found.name != true.name:
        yield f"{true.name} is named {found.name!r}"
    if found.type_code is not None and found.type_code != true.type_code:
        yield f"{true.name} has the code {found.type_code} instead of {true.type_code}"
    indices = (found.points_lps - truth.kji_to_lps[:3, 3]) @ np.linalg.inv(truth.kji_to_lps[:3, :3]).T
    nearest = np.rint(indices).astype(int)
    if len(indices) and np.abs(indices - nearest).max() > PLACE_TOLERANCE_VOXELS:
        yield f"{true.name} lies {np.abs(indices - nearest).max():.2f} voxels beside its place"
    shown = {tuple(index) for index in nearest.tolist()}
    meant = {tuple(index) for index in np.argwhere(true.mask_kji).tolist()}
    if shown != meant:
        yield f"{true.name}: {len(meant - shown)} of {len(meant)} voxels missing, {len(shown - meant)} too many"

"""Which readers that make one even volume of a file (dcmqi, as 3D Slicer loads with it; highdicom) do so with this one.

Both look at the planes that have a frame, count steps from the first, and know nothing of planes beside each other.
The rules are those of dcmqi 1.5.4 and highdicom 0.28, and a test has both read files of all kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from SegRLEExportLib.encoding.instances import Instance
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Matrix, PlaneStack
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.options import ExportOptions, Grid
from SegRLEExportLib.preflight.own_grid import own_planes_if_any

DCMQI = "3D Slicer's loader (dcmqi)"
HIGHDICOM = "highdicom's get_volume"

_HIGHDICOM_STEPS = 0.01
"""How far from an even step highdicom takes a plane, in steps (its default)."""

_HIGHDICOM_LEANING = 1e-3
"""How far from 1 the cosine may be between the normal and the way from the first plane to another."""

_DCMQI_STEPS = 0.49
"""dcmqi takes the nearest step: measured, right up to here."""

_IN_PLACE_PIXELS = 0.25
"""A pixel shown farther than this aside is not shown in its place."""


@dataclass(frozen=True)
class FileReaders:
    """What of a file's planes the two make of it, and why."""

    off_steps: float
    """The farthest that a plane with a frame lies from an even step, in steps; infinite where no steps lead to all."""
    sideways_mm: float
    """The farthest that one lies beside the first, within the planes."""
    sideways_pixels: float
    leaning: float
    """One less the smallest cosine between the normal and the way from the first plane to another."""

    @classmethod
    def of(cls, stack: PlaneStack, planes: Sequence[int]) -> FileReaders:
        """Return it for a file whose frames lie on those planes of the stack."""
        positions = stack.positions_lps[sorted(set(planes))]
        heights: Matrix = positions @ stack.normal_lps
        order = np.argsort(heights, kind="stable")
        if len(positions) < 2:
            return cls(0.0, 0.0, 0.0, 0.0)
        moved, up = positions[order[1:]] - positions[order[0]], heights[order[1:]] - heights[order[0]]
        step = stack.spacing_between_planes_mm
        sideways = np.linalg.norm(moved - np.outer(up, stack.normal_lps), axis=1).max()
        return cls(
            np.inf if step is None else float(np.abs(up / step - np.rint(up / step)).max()),
            float(sideways),
            float(sideways) / min(stack.pixel_spacing_mm),
            float(1 - (up / np.linalg.norm(moved, axis=1)).min()),
        )

    @property
    def refused_by(self) -> tuple[str, ...]:
        """The readers that do not open the file, or misplace what is in it."""
        is_dcmqi_right = self.off_steps < _DCMQI_STEPS and self.sideways_pixels <= _IN_PLACE_PIXELS
        is_highdicom_right = (
            self.off_steps <= _HIGHDICOM_STEPS
            and self.leaning < _HIGHDICOM_LEANING
            and self.sideways_pixels <= _IN_PLACE_PIXELS
        )
        return (DCMQI,) * (not is_dcmqi_right) + (HIGHDICOM,) * (not is_highdicom_right)


def not_read_by(stack: PlaneStack, instances: Sequence[Instance]) -> tuple[str, ...]:
    """Return the readers that fail on a file of the export, or misplace what is in it."""
    if not stack.has_place:
        return DCMQI, HIGHDICOM
    refused = {reader for one in instances for reader in _of(stack, one).refused_by}
    return tuple(reader for reader in (DCMQI, HIGHDICOM) if reader in refused)


def steps_findings(
    stack: PlaneStack,
    instances: Sequence[Instance],
    segmentation: Segmentation,
    options: ExportOptions,
    *,
    is_copy: bool,
) -> Iterator[Finding]:
    """Tell which programs will misplace or refuse the planes, and what opens there.

    Where the grid is an even copy of the images (`is_copy`), its own places are not those of the images.
    """
    refused = not_read_by(stack, instances)
    if not refused:
        return
    if not stack.has_place:
        yield _WITHOUT_PLACE
        return
    is_own = options.grid is Grid.SEGMENTATION
    whose = "The slices of the segmentation's grid" if is_own else "The images"
    consequence = " and ".join(_CONSEQUENCES[reader] for reader in refused)
    moves = "" if DCMQI in refused else f"; {DCMQI} opens it, each plane on its nearest step"
    yield Finding(
        "uneven-planes",
        Severity.WARNING,
        f"{whose} {_how_they_lie(stack, instances, is_own=is_own)}: {consequence}{moves}.",
        help=_RESAMPLE_TO_OPEN if is_own else _what_opens(segmentation, is_copy=is_copy),
    )


def _how_they_lie(stack: PlaneStack, instances: Sequence[Instance], *, is_own: bool) -> str:
    files = [_of(stack, one) for one in instances]
    off, step = max(one.off_steps for one in files), stack.spacing_between_planes_mm
    is_beside = max(one.sideways_pixels for one in files) > _IN_PLACE_PIXELS
    is_leaning = off <= _HIGHDICOM_STEPS and max(one.leaning for one in files) >= _HIGHDICOM_LEANING
    if is_beside or is_leaning:
        sideways_mm = max(one.sideways_mm for one in files)
        return (
            f"are shifted sideways by up to {sideways_mm:.3g} mm ({'it is sheared' if is_own else 'a tilted gantry'})"
        )
    if step is None:
        return "have uneven gaps"
    return f"lie up to {off * step:.2g} mm from even steps of {step:.4g} mm"


def _what_opens(segmentation: Segmentation, *, is_copy: bool) -> str:
    """Return what opens where the planes of the images do not: the own grid, if it has right angles."""
    own = own_planes_if_any(segmentation)
    if own is None or FileReaders.of(own, range(len(own))).refused_by:
        return _ALSO_SHEARED
    where = "but with the places that the grid says" if is_copy else "each voxel in its place"
    return f"{Remedy.OWN_GRID_OPENS}, {where}."


_RESAMPLE_TO_OPEN = "To open it there, resample the segmentation to a grid of right angles (in 3D Slicer)."
_ALSO_SHEARED = (
    "The grid of the segmentation is sheared, and does not open there either: resample it to one of right angles (in "
    f"3D Slicer), and {Remedy.OWN_GRID}."
)
_WITHOUT_PLACE = Finding(
    "images-without-place",
    Severity.WARNING,
    f"The images have no place in the patient: voxel i, j, k of the grid is column i of row j of image k. {DCMQI} does "
    "not open such a file; highdicom reads it image by image, and makes no volume of it.",
)
_CONSEQUENCES = {
    DCMQI: f"{DCMQI} misplaces or loses planes or refuses the file",
    HIGHDICOM: f"{HIGHDICOM} refuses the file",
}


def _of(stack: PlaneStack, instance: Instance) -> FileReaders:
    return FileReaders.of(stack, instance.frame_planes.tolist())

"""How the SEG files that are selected in Slicer's DICOM browser can be loaded, and by whom; needs no Slicer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from SegRLEExportLib.reading.first_look import FirstLook

ABOVE_SLICERS = 0.97
"""Slicer's own plugin offers every SEG with 0.95."""

BELOW_SLICERS = 0.90

_READ_BY_SLICER = {
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
}


@dataclass(frozen=True)
class Offer:
    """One row of the browser: files that become one segmentation."""

    files: tuple[FirstLook, ...]
    """The first is of the series that the row stands for."""
    name: str
    reason: str
    """Why it is offered, in a sentence."""
    is_preferred: bool

    @property
    def confidence(self) -> float:
        """Between 0 and 1, above or below Slicer's own plugin."""
        return ABOVE_SLICERS if self.is_preferred else BELOW_SLICERS


def offers(looks: Iterable[FirstLook], *, prefers_ours: bool = False) -> list[Offer]:
    """Return a row for each file; files of one export that are all there are loaded together."""
    found: list[Offer] = []
    for files in _by_export(looks):
        found.extend(_joined(files) if len(files) > 1 else [_alone(files[0], prefers_ours=prefers_ours)])
    return found


def trouble_of_slicer(look: FirstLook) -> str:
    """Return what Slicer's own loader (dcmqi) does with such a file, if that is not right; empty if it is."""
    if look.transfer_syntax == RLELossless and look.bits_allocated == 1:
        return "cannot read RLE compressed pixels of one bit"
    if look.transfer_syntax not in _READ_BY_SLICER:
        return f"cannot read {look.transfer_syntax.name}"
    if look.segmentation_type == "FRACTIONAL" and look.segment_count > 1:
        return f"merges the {look.segment_count} segments of a FRACTIONAL segmentation into one"
    return ""


def _by_export(looks: Iterable[FirstLook]) -> Iterator[list[FirstLook]]:
    """Yield the files of each export in their order if none of them is missing or double, else each alone."""
    together: dict[tuple[str, str, int, tuple[str, str]], list[FirstLook]] = defaultdict(list)
    for look in looks:
        together[look.study_uid, look.description, look.part[1], look.made_at].append(look)
    for (_study_uid, _description, count, _made_at), files in together.items():
        parts = sorted(files, key=lambda look: look.part)
        if [look.part[0] for look in parts] == list(range(1, count + 1)):
            yield parts
        else:
            yield from ([look] for look in files)


def _alone(look: FirstLook, *, prefers_ours: bool) -> Offer:
    trouble = trouble_of_slicer(look)
    if trouble:
        reason = f"3D Slicer's own loader {trouble}."
    else:
        reason = "Quicker than 3D Slicer's own loader, and keeps empty segments."
    return Offer((look,), look.description or "Segmentation", reason, bool(trouble) or prefers_ours)


def _joined(files: list[FirstLook]) -> Iterator[Offer]:
    """Yield a row for the series of each file, because Slicer chooses a plugin for each series."""
    count = len(files)
    for index, look in enumerate(files):
        name = look.description or "Segmentation"
        reason = (
            f"{count} files of one export become one segmentation; 3D Slicer's own loader makes {count} segmentations "
            "of them."
        )
        if index:
            name = f"{name} (part {index + 1} of {count}, loaded with part 1)"
        yield Offer((*files[index:], *files[:index]), name, reason, is_preferred=True)

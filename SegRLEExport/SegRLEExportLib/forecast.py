"""How large each encoding would be, without writing it, and which one to choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from SegRLEExportLib.dataset import build
from SegRLEExportLib.encoding.pixel_size import pixel_bytes
from SegRLEExportLib.encoding.plan import PLANS, EncodingPlan
from SegRLEExportLib.export import drafts_of
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.preflight.survey import Survey, survey
from SegRLEExportLib.progress import Progress, ProgressCallback
from SegRLEExportLib.writing.draft import Draft
from SegRLEExportLib.writing.instance import attribute_pieces, write_instance
from SegRLEExportLib.writing.seg_file import CountingSink, native_pixel_data_size

_WORTH_SEVERAL_FILES = 4
"""RLE is recommended over one deflated file only if it needs no more files than this."""


@dataclass(frozen=True)
class Forecast:
    """What one encoding would come to."""

    plan: EncodingPlan
    bytes: int
    """Size of all files together: to the byte, or about, see `is_exact`."""
    files: int
    frames: int

    @property
    def is_exact(self) -> bool:
        """Whether that is so to the byte: new UIDs and times are as long in each export, but deflate otherwise."""
        return not self.plan.is_deflated

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as a JSON object."""
        return {
            "compression": self.plan.id,
            "bytes": self.bytes,
            "exact": self.is_exact,
            "files": self.files,
            "frames": self.frames,
        }


@dataclass(frozen=True)
class Recommendation:
    """The encoding to choose, and why, in a sentence."""

    plan: EncodingPlan
    reason: str


def forecast(
    segmentation: Segmentation,
    source: SourceSeries,
    options: ExportOptions | None = None,
    *,
    plan_ids: Sequence[str] = tuple(PLANS),
    progress: ProgressCallback | None = None,
) -> tuple[Forecast, ...]:
    """Return what each encoding of `plan_ids` would come to, in that order.

    Compressed files are made as they would be written, and only counted. Raises
    `PreflightError` if the export would be refused whatever the encoding.
    """
    options = options or ExportOptions()
    steps = Progress(progress)
    found = survey(segmentation, source, PLANS["none"], options, steps)
    found.refuse_errors()
    forecasts = []
    for number, plan_id in enumerate(plan_ids, start=1):
        steps.stage(f"Measuring {PLANS[plan_id].title}", 0.2 + 0.8 * number / len(plan_ids), len(found.stack))
        forecasts.append(_forecast_of(PLANS[plan_id], found, options, steps))
    return tuple(forecasts)


def recommend(forecasts: Sequence[Forecast], *, has_place: bool = True) -> Recommendation:
    """Return the encoding to choose among those measured, for a reader of today, and the reason.

    Without `has_place` the images do not say where they lie, and 3D Slicer's loader opens no segmentation of them.
    """
    by_id = {measured.plan.id: measured for measured in forecasts}
    rle, deflated = by_id["rle"], by_id["deflate"]
    if rle.files > _WORTH_SEVERAL_FILES:
        reason = f"segments overlap so much that label maps would need {rle.files} files; deflated bits hold all in one"
        return Recommendation(deflated.plan, reason)
    if rle.files > 1:
        reason = (
            f"small and read right by current software; overlaps make it {rle.files} files (deflated bits make one)"
        )
        return Recommendation(rle.plan, reason)
    if rle.bytes >= by_id["none"].bytes:
        return Recommendation(by_id["none"].plan, "so little is segmented that RLE saves nothing")
    if not has_place:
        return Recommendation(rle.plan, "small, and read by highdicom image by image; 3D Slicer's loader opens none")
    return Recommendation(rle.plan, "small, quick to open, and read right by current 3D Slicer, highdicom and OHIF")


def _forecast_of(plan: EncodingPlan, found: Survey, options: ExportOptions, steps: Progress) -> Forecast:
    drafts = drafts_of(plan, found, options)
    return Forecast(
        plan=plan,
        bytes=sum(_size(draft, steps) for draft in drafts),
        files=len(drafts),
        frames=sum(draft.instance.frame_count for draft in drafts),
    )


def _size(draft: Draft, steps: Progress) -> int:
    if draft.plan.is_encapsulated or draft.plan.is_deflated:
        sink = CountingSink()
        write_instance(sink, draft, steps, extended_offsets=False)
        return sink.position()
    attributes = sum(len(piece) for piece in attribute_pieces(draft))
    pixels = pixel_bytes(draft.instance.frame_count, draft.survey.stack, draft.bits_allocated)
    return len(build.file_head(draft.plan, draft.sop_uid)) + attributes + native_pixel_data_size(pixels)

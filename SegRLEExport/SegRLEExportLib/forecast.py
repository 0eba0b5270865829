"""How large each encoding would be, without writing it, and which one to choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from SegRLEExportLib.dataset import build
from SegRLEExportLib.encoding.pixel_size import pixel_bytes
from SegRLEExportLib.encoding.plan import PLANS, EncodingPlan
from SegRLEExportLib.export import drafts_of
from SegRLEExportLib.model.finding import Finding, errors_in
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.preflight.survey import Survey, judged_for, survey_inputs
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
    findings: tuple[Finding, ...] = ()
    """What an export in it would say; of one that would be refused nothing was measured."""

    @property
    def errors(self) -> list[Finding]:
        """Return why an export in it would be refused; nothing if it would not."""
        return errors_in(self.findings)

    @property
    def is_exact(self) -> bool:
        """Whether that is so to the byte: new UIDs and times are as long in each export, but deflate otherwise."""
        return not self.plan.is_deflated

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as a JSON object, with null for what was not measured."""
        is_refused = bool(self.errors)
        return {
            "compression": self.plan.id,
            "refused": is_refused,
            "bytes": None if is_refused else self.bytes,
            "exact": self.is_exact,
            "files": None if is_refused else self.files,
            "frames": None if is_refused else self.frames,
            "findings": [finding.to_json() for finding in self.findings],
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
    """Return what each encoding of `plan_ids` would come to, in that order, and what an export in it would say.

    Compressed files are made as they would be written, and only counted. Raises
    `PreflightError` if the export would be refused in every one of them.
    """
    options = options or ExportOptions()
    steps = Progress(progress)
    inputs = survey_inputs(segmentation, source, options, steps)
    judged = {plan_id: judged_for(PLANS[plan_id], inputs, options) for plan_id in plan_ids}
    if all(found.errors for found in judged.values()):
        judged[plan_ids[0]].refuse_errors()
    forecasts = []
    for number, (plan_id, found) in enumerate(judged.items(), start=1):
        steps.stage(f"Measuring {PLANS[plan_id].title}", 0.2 + 0.8 * number / len(plan_ids), len(found.stack))
        forecasts.append(_forecast_of(PLANS[plan_id], found, options, steps))
    return tuple(forecasts)


def recommend(forecasts: Sequence[Forecast], *, has_place: bool = True) -> Recommendation:
    """Return the encoding to choose among those measured, for a reader of today, and the reason.

    What is refused in some encodings only is not refused as RLE compressed label map. Without `has_place` the images
    do not say where they lie, and 3D Slicer's loader opens no segmentation of them.
    """
    by_id = {measured.plan.id: measured for measured in forecasts if not measured.errors}
    rle, deflated, bits = by_id["rle"], by_id.get("deflate"), by_id.get("none")
    if rle.files > _WORTH_SEVERAL_FILES and deflated:
        reason = f"segments overlap so much that label maps would need {rle.files} files; deflated bits hold all in one"
        return Recommendation(deflated.plan, reason)
    if rle.files > 1 and not deflated:
        return Recommendation(rle.plan, f"overlaps make it {rle.files} files, and one bit a pixel is refused")
    if rle.files > 1:
        reason = (
            f"small and read right by current software; overlaps make it {rle.files} files (deflated bits make one)"
        )
        return Recommendation(rle.plan, reason)
    if bits and rle.bytes >= bits.bytes:
        return Recommendation(bits.plan, "so little is segmented that RLE saves nothing")
    if not has_place:
        return Recommendation(rle.plan, "small, and read by highdicom image by image; 3D Slicer's loader opens none")
    return Recommendation(rle.plan, "small, quick to open, and read right by current 3D Slicer, highdicom and OHIF")


def _forecast_of(plan: EncodingPlan, found: Survey, options: ExportOptions, steps: Progress) -> Forecast:
    drafts = [] if found.errors else drafts_of(plan, found, options)
    return Forecast(
        plan=plan,
        bytes=sum(_size(draft, steps) for draft in drafts),
        files=len(drafts),
        frames=sum(draft.instance.frame_count for draft in drafts),
        findings=found.findings,
    )


def _size(draft: Draft, steps: Progress) -> int:
    if draft.plan.is_encapsulated or draft.plan.is_deflated:
        sink = CountingSink()
        write_instance(sink, draft, steps, extended_offsets=False)
        return sink.position()
    attributes = sum(len(piece) for piece in attribute_pieces(draft))
    pixels = pixel_bytes(draft.instance.frame_count, draft.survey.stack, draft.bits_allocated)
    return len(build.file_head(draft.plan, draft.sop_uid)) + attributes + native_pixel_data_size(pixels)

"""Which of several series a segmentation was drawn on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from SegRLEExportLib.errors import ExportError, PreflightError, SeriesChoiceError, UnusableSourceError
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Layer, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries, text_of
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.source.findings import chosen_by_size


def choose_series(
    candidates: Sequence[SourceSeries], segmentation: Segmentation, series_uid: str | None = None
) -> SourceSeries:
    """Return the series named, by the caller or by the DICOM SEG itself, or else the only one, or else the only one
    on whose planes the segmentation lies.

    It lies on them exactly, or at least wholly; of several such, the only one of its size is chosen, which a finding
    says. Raises `SeriesChoiceError`, `UnusableSourceError`, or `PreflightError` for a segmentation without a place.
    """
    if series_uid is not None:
        named = [series for series in candidates if series.series_instance_uid == series_uid]
        if not named:
            raise SeriesChoiceError(f"The series {series_uid} is not among the images.", _lines(candidates))
        candidates = named
    with_place = [series for series in candidates if series.stack.has_place]
    if with_place and segmentation.place_errors:
        raise PreflightError(segmentation.place_errors)
    candidates = with_place or candidates  # a radiograph beside a CT is meant only where it is named
    candidates = _named_by(segmentation, candidates) or candidates
    if len(candidates) == 1:
        return candidates[0]
    for fits in (_lies_exactly, _lies_wholly):
        fitting = [series for series in candidates if fits(segmentation, series)]
        if fitting:
            return _of_its_size(fitting, segmentation)
    if len({series.series_instance_uid for series in candidates}) == 1:
        raise _on_no_volume(candidates)
    raise SeriesChoiceError(_why_on_none(candidates, segmentation), _lines(candidates))


def _named_by(segmentation: Segmentation, candidates: Sequence[SourceSeries]) -> list[SourceSeries]:
    """Return the volumes of the series that a DICOM SEG says it was drawn on."""
    named = segmentation.origin.series_instance_uids if segmentation.origin else frozenset()
    return [series for series in candidates if series.series_instance_uid in named]


def _of_its_size(fitting: list[SourceSeries], segmentation: Segmentation) -> SourceSeries:
    """Return the only series that fits, or the only one of them with as many voxels each way, which is then said.

    Raises `SeriesChoiceError` or `UnusableSourceError`.
    """
    if len(fitting) == 1:
        return fitting[0]
    of_its_size = [series for series in fitting if _has_its_size(segmentation, series)]
    if len(of_its_size) != 1:
        raise _ambiguous(fitting)
    (chosen,) = of_its_size
    return replace(chosen, findings=(*chosen.findings, chosen_by_size(len(fitting), chosen)))


def _has_its_size(segmentation: Segmentation, series: SourceSeries) -> bool:
    """Tell whether each layer has as many voxels each way as the images, in whatever order its axes are."""
    size = sorted((len(series.stack), series.stack.rows, series.stack.columns))
    return all(sorted(layer.geometry.shape_kji) == size for layer in segmentation.layers)


def _why_on_none(candidates: Sequence[SourceSeries], segmentation: Segmentation) -> str:
    """Return why no series was chosen: a segmentation may go over several, of a spine for example."""
    parts = sum(1 for series in candidates if _lies_partly(segmentation, series))
    if parts > 1:
        return (
            f"No series holds all of the segmentation, and {parts} hold a part of it, so it can be exported once for "
            "each, without what lies beyond it."
        )
    return "The segmentation lies on none of the series."


def _on_no_volume(candidates: Sequence[SourceSeries]) -> ExportError:
    """Return what to say where one series has several volumes, and no UID could name the one that is meant."""
    counts = " and ".join(map(str, sorted((len(series.stack) for series in candidates), reverse=True)))
    differing = [what for what, values in _what_volumes_have(candidates).items() if len(values) > 1]
    different_in = f", different in {' and '.join(differing)}" if differing else ""
    return UnusableSourceError(
        candidates[0].series_instance_uid,
        f"its images form {len(candidates)} volumes, of {counts} images{different_in}, and none holds all of the "
        "segmentation",
        Remedy.ONE_VOLUME.value,
    )


def _what_volumes_have(candidates: Sequence[SourceSeries]) -> dict[str, set[object]]:
    """Return what each of the attributes that make images one volume is."""
    stacks = [series.stack for series in candidates]
    return {
        "Rows and Columns": {(stack.rows, stack.columns) for stack in stacks},
        "Pixel Spacing": {stack.pixel_spacing_mm for stack in stacks},
        "Image Orientation (Patient)": {
            (*stack.row_direction_lps.tolist(), *stack.column_direction_lps.tolist()) for stack in stacks
        },
        "Frame of Reference UID": {text_of(series.header, "FrameOfReferenceUID") for series in candidates},
    }


def _ambiguous(fitting: list[SourceSeries]) -> ExportError:
    series_uids = {series.series_instance_uid for series in fitting}
    if len(series_uids) > 1:
        return SeriesChoiceError("The segmentation fits several series equally well.", _lines(fitting))
    return UnusableSourceError(
        series_uids.pop(),
        f"the segmentation fits {len(fitting)} of its volumes equally well",
        Remedy.ONE_VOLUME.value,
    )


def _lies_exactly(segmentation: Segmentation, series: SourceSeries) -> bool:
    return _lies_wholly(segmentation, series) and all(_seen(layer, series).is_exact for layer in segmentation.layers)


def _lies_partly(segmentation: Segmentation, series: SourceSeries) -> bool:
    for segment in segmentation.segments:
        layer = segmentation.layers[segment.layer_index]
        outside = SampledLayer(layer, series.stack).voxels_outside([segment.layer_value])[0]
        if outside < np.count_nonzero(layer.labels_kji == segment.layer_value):
            return True
    return False


def _lies_wholly(segmentation: Segmentation, series: SourceSeries) -> bool:
    return not any(
        _seen(segmentation.layers[segment.layer_index], series).voxels_outside([segment.layer_value])[0]
        for segment in segmentation.segments
    )


def _seen(layer: Layer, series: SourceSeries) -> SampledLayer:
    return SampledLayer.drawn_on(layer, series.stack)


def _lines(candidates: Iterable[SourceSeries]) -> list[str]:
    return [series.description for series in candidates]

"""What of a segmentation does not lie on the planes as it is: beyond them, between them, or beside their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.model.counted import counted, first_of
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Segmentation, voxels_of_values
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.planes.frames import FrameIndex
from SegRLEExportLib.planes.pairing import Pairing, lies_on_pixels, pairing_of
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.preflight.own_grid import ON_OWN_GRID, Keeping

_NAMES_SHOWN = 3
_SAME_GAPS = 0.01
"""Distances that differ by no greater part are told as one."""

_SEEN_DEGREES = 0.1
"""Images whose line is turned against their normal by no more count as not tilted; positions are rounded."""


_WHY_AN_IMAGE_IS_MISSING = (
    "unreadable-file",
    "source-image-missing",
    "source-image-without-place",
    "image-of-time-missing",
)

_IN_NO_IMAGE = ("image-missing", "outside-source")


def refuse(errors: Sequence[Finding], findings: Iterable[Finding]) -> None:
    """Raise `PreflightError` of the errors, if there are any, with what of the findings may be why an image lacks."""
    if not errors:
        return
    causes = [one for one in findings if one.id in _WHY_AN_IMAGE_IS_MISSING and one not in errors]
    raise PreflightError([*errors, *(causes if any(error.id in _IN_NO_IMAGE for error in errors) else ())])


def placement_findings(
    segmentation: Segmentation,
    stack: PlaneStack,
    layers: list[SampledLayer],
    index: FrameIndex,
    options: ExportOptions,
    keep: Keeping = ON_OWN_GRID,
) -> Iterator[Finding]:
    """Tell every voxel that is lost and every one that is moved, by segment; `keep` is what helps."""
    for layer_index, positions in segmentation.positions_of_layers.items():
        if _is_empty(segmentation, layer_index, positions, index):
            continue
        layer = layers[layer_index]
        names = [segmentation.segments[position].name for position in positions]
        geometry = segmentation.layers[layer_index].geometry
        if not stack.has_place and not lies_on_pixels(geometry, stack):
            yield _of_other_pixels(names, geometry, stack)
            continue
        pairing = pairing_of(geometry, stack)
        if pairing is not None:
            tell = _paired if pairing.is_certain else _displaced
            yield tell(names, pairing, stack, keep)
            continue
        values = [segmentation.segments[position].layer_value for position in positions]
        for name, count in zip(names, layer.voxels_outside(values).tolist()):
            if count:
                is_any_on_images = bool(index.segment_voxels.any())
                yield _outside(name, count, stack, options, keep, is_any_on_images=is_any_on_images)
        for name, count in zip(names, layer.voxels_between(values).tolist()):
            if count:
                yield _between(name, count, keep)
        for name, count in zip(names, layer.voxels_of_missing_planes(values).tolist()):
            if count:
                yield _without_image(name, count, options, keep)
        if not layer.is_one_to_one:
            yield _resampled(segmentation, layer_index, positions, index, keep)
        elif not layer.is_exact:
            yield _shifted(names, layer, keep)


def _is_empty(segmentation: Segmentation, layer_index: int, positions: list[int], index: FrameIndex) -> bool:
    """Tell whether no segment of a layer has a voxel, so that it does not matter where its grid lies."""
    if index.segment_voxels[positions].any():
        return False
    in_layer = voxels_of_values(segmentation.layers[layer_index].labels_kji)
    return not any(in_layer[segmentation.segments[position].layer_value] for position in positions)


def _of_other_pixels(names: list[str], geometry: Geometry, stack: PlaneStack) -> Finding:
    """Tell that a grid is not that of images without a place: nothing else could say what lies where."""
    slices, rows, columns = geometry.shape_kji
    is_turned = (slices, columns, rows) == (len(stack), stack.rows, stack.columns)
    turned = " Rows and columns are exchanged." if is_turned else ""
    return Finding(
        "not-their-pixels",
        Severity.ERROR,
        f"The images have no place in the patient, so only a grid of their own pixels can lie on them. "
        f"Images: {len(stack)}, of {stack.rows} rows and {stack.columns} columns; slices of the grid: {slices}, of "
        f"{rows} rows and {columns} columns.{turned}",
        _first(names),
        f"Segment the images as they are. If one of several images was segmented, {Remedy.ONE_IMAGE}.",
    )


def _outside(
    name: str, count: int, stack: PlaneStack, options: ExportOptions, keep: Keeping, *, is_any_on_images: bool
) -> Finding:
    images = "the source images" if len(stack) > 1 else "the one plane of the source images"
    what = f"{counted(count, 'voxel lies', 'voxels lie')} beyond {images}"
    if options.clip:
        return Finding("outside-source", Severity.WARNING, f"{what} and {_is(count)} left out.", name)
    return Finding(
        "outside-source",
        Severity.ERROR,
        f"{what} and would be lost{'' if is_any_on_images else ', as all others would'}.",
        name,
        f"{Remedy.CHOOSE_SERIES}{f', or {Remedy.LEAVE_OUT}{keep.or_so}' if is_any_on_images else ''}.",
    )


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _between(name: str, count: int, keep: Keeping) -> Finding:
    return Finding(
        "between-planes",
        Severity.WARNING,
        f"{counted(count, 'voxel lies', 'voxels lie')} in slices between the source images, which have nearer ones, "
        f"and {_is(count)} left out.",
        name,
        keep.in_place,
    )


def _without_image(name: str, count: int, options: ExportOptions, keep: Keeping) -> Finding:
    """Tell voxels where there is no image: the same loss as beyond the images, and as grave.

    Why there is none is not known. If the grid is an evenly spaced copy of uneven images, the other voxels are not
    where they were drawn either, so leaving these out is no remedy then.
    """
    where = "in slices for which the series has no image,"
    what = f"{counted(count, 'voxel lies', 'voxels lie')} {where}"
    if options.clip:
        return Finding("image-missing", Severity.WARNING, f"{what} and {_is(count)} left out.", name, keep.in_place)
    return Finding(
        "image-missing",
        Severity.ERROR,
        f"{what} and would be lost.",
        name,
        f"If an image is damaged or was not copied, add it, or {Remedy.LEAVE_OUT}{keep.or_so}. If the "
        "segmentation was drawn on an evenly spaced copy of unevenly spaced images, all of it is displaced: segment "
        "the images as they are.",
    )


def _paired(names: list[str], pairing: Pairing, stack: PlaneStack, keep: Keeping) -> Finding:
    """Tell that slices were written to the images they were drawn on, not to those at the places the grid says."""
    return Finding(
        "slices-paired",
        Severity.WARNING,
        f"The grid is an evenly spaced copy of the {len(stack)} images, which {_how_they_lie(stack)}: each slice is "
        f"written to its image, which lies up to {_length(pairing.displacement_mm)} from where the grid says"
        f"{_of_which_sideways(pairing)}.",
        _first(names),
        f"If the grid is no copy of these images, {keep.instead}.",
    )


def _displaced(names: list[str], pairing: Pairing, stack: PlaneStack, keep: Keeping) -> Finding:
    """Tell that slices and images are displaced against each other, and nothing says which belong together."""
    copy = f"has a slice for each of the {len(stack)} images" if pairing.is_whole else "is a part of an even copy"
    return Finding(
        "slices-displaced",
        Severity.ERROR,
        f"The grid {copy}, but the images, which {_how_they_lie(stack)}, lie up to "
        f"{_length(pairing.displacement_mm)} from its slices{_of_which_sideways(pairing)}: whether a slice belongs to "
        "the image of its number or of its place is not known.",
        _first(names),
        f"Segment the images as they are, or resample the segmentation onto them (in Slicer)"
        f"{f'{keep.or_so} if its places are right' if keep.or_so else ''}. Leaving voxels out is no remedy.",
    )


def _how_they_lie(stack: PlaneStack) -> str:
    heights = stack.positions_lps @ stack.normal_lps
    moved = stack.positions_lps[heights.argmax()] - stack.positions_lps[heights.argmin()]
    degrees = float(np.degrees(np.arctan2(np.linalg.norm(np.cross(stack.normal_lps, moved)), np.ptp(heights))))
    gaps = np.diff(np.sort(heights))
    apart = _length(float(gaps.min()))
    if gaps.max() - gaps.min() > _SAME_GAPS * gaps.mean():
        apart = f"{apart} to {_length(float(gaps.max()))}"
    tilt = f" and are tilted by {degrees:.1f} degrees" if degrees > _SEEN_DEGREES else ""
    return f"are {apart} apart{tilt}"


def _of_which_sideways(pairing: Pairing) -> str:
    is_seen = pairing.sideways_mm > _SAME_GAPS * pairing.displacement_mm
    return f", {_length(pairing.sideways_mm)} of it within the planes" if is_seen else ""


def _length(millimetres: float) -> str:
    return f"{millimetres:.3g} mm"


def _shifted(names: list[str], layer: SampledLayer, keep: Keeping) -> Finding:
    return Finding(
        "shifted",
        Severity.WARNING,
        f"The voxels lie up to {_length(layer.displacement_mm)} ({layer.displacement_voxels:.2f} voxels) from the "
        "pixels they are written to.",
        _first(names),
        keep.in_place,
    )


def _resampled(
    segmentation: Segmentation, layer_index: int, positions: list[int], index: FrameIndex, keep: Keeping
) -> Finding:
    in_layer = voxels_of_values(segmentation.layers[layer_index].labels_kji)
    drawn = [position for position in positions if in_layer[segmentation.segments[position].layer_value]]
    changes = [
        f"{segment.name}: {in_layer[segment.layer_value]} voxels, {index.segment_voxels[position]} pixels"
        for position, segment in ((position, segmentation.segments[position]) for position in drawn)
    ]
    return Finding(
        "resampled",
        Severity.WARNING,
        "The segmentation is not on the grid of the source images; each pixel took its nearest voxel "
        f"({_first(changes)}).",
        _first([segmentation.segments[position].name for position in drawn]),
        keep.in_place,
        details=tuple(changes),
    )


def _first(names: list[str]) -> str:
    return first_of(names, _NAMES_SHOWN)

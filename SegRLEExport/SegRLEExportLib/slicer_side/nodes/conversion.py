"""Segments that Slicer keeps as surfaces or contours, made voxels by Slicer's own conversion.

Only those that are no voxels yet, each on a new segment: neither the node nor its segments are changed. Needs MRML and
vtk, no Qt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import slicer

from SegRLEExportLib.errors import NoBinaryLabelmapError, UnusableLabelsError
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.segmentation import voxels_of_values
from SegRLEExportLib.slicer_side.nodes.labelmaps import BINARY_LABELMAP, has_voxels, identity_of, labels_of_image

_CLOSED_SURFACE = "Closed surface"

_WHICH_IS_MEANT = (
    "its segment '{}' has a surface, and no voxel in its binary labelmap, and which of them is meant is not known; "
    f"take the other from the segment (RemoveRepresentation('{_CLOSED_SURFACE}') or ('{BINARY_LABELMAP}'))"
)

_PLANES_LOOKED_AT_FIRST = 8
"""Most segments have a voxel on every so many-th plane, so that the others need not be looked at."""


def with_labelmaps(segmentation_node, segment_ids: Sequence[str], grid: str) -> tuple[dict[str, Any], list[Finding]]:
    """Return by ID segments with a binary labelmap: the node's own, or new ones for those that have none.

    New voxels are those of the grid, a text as Slicer's conversions take it, or of one that Slicer makes if it is
    empty. The findings tell what may not be what was meant. Raises `NoBinaryLabelmapError` or `UnusableLabelsError`.
    """
    segmentation, name = segmentation_node.GetSegmentation(), segmentation_node.GetName()
    own = {one: segmentation.GetSegment(one) for one in segment_ids}
    undrawn = _undrawn_surfaces(own, name)
    if undrawn and _has_derived_surfaces(segmentation):
        raise UnusableLabelsError(name, _WHICH_IS_MEANT.format(own[undrawn[0]].GetName()))
    to_convert = _without_labelmap(own, segmentation.GetSourceRepresentationName())
    to_convert |= dict.fromkeys(undrawn, _CLOSED_SURFACE)
    findings = [_surface_finding(own[one].GetName()) for one in undrawn]
    return own | _converted(segmentation_node, to_convert, grid), findings


def _without_labelmap(segments: Mapping[str, Any], usual_source: str) -> dict[str, str]:
    """Return of segments that have no binary labelmap, by ID, which representation is to become one."""
    found = {}
    for segment_id, segment in segments.items():
        names = _representations(segment)
        if names and BINARY_LABELMAP not in names:
            found[segment_id] = next((one for one in (usual_source, _CLOSED_SURFACE) if one in names), names[0])
    return found


def _undrawn_surfaces(segments: Mapping[str, Any], name: str) -> list[str]:
    """Return the IDs of segments that have a surface, and a binary labelmap without a voxel of theirs.

    Slicer makes none such, but scripts do that give a surface to an empty segment, or set voxels to 0 and do not tell.
    """
    values: dict[int, set[int]] = {}
    images = {}
    suspects = {one: segment for one, segment in segments.items() if _has_surface_beside_labelmap(segment)}
    for segment in suspects.values():
        image = segment.GetRepresentation(BINARY_LABELMAP)
        images[identity_of(image)] = image
        values.setdefault(identity_of(image), set()).add(segment.GetLabelValue())
    absent = {key: _absent(values[key], image, name) for key, image in images.items()}
    return [
        one
        for one, segment in suspects.items()
        if segment.GetLabelValue() in absent[identity_of(segment.GetRepresentation(BINARY_LABELMAP))]
    ]


def _has_derived_surfaces(segmentation) -> bool:
    """Tell whether surfaces may be what Slicer made of the labelmaps, which it does of all segments, and are old."""
    segments = (segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments()))
    return all(_CLOSED_SURFACE in _representations(segment) for segment in segments)


def _surface_finding(segment_name: str) -> Finding:
    return Finding(
        "surface-converted",
        Severity.WARNING,
        "It has a surface, and no voxel in its binary labelmap, so the surface was converted to voxels.",
        segment_name,
        f"If the segment is to be empty, take the surface from it (RemoveRepresentation('{_CLOSED_SURFACE}')).",
    )


def _converted(segmentation_node, representations: Mapping[str, str], grid: str) -> dict[str, Any]:
    """Return for each ID in `representations` a new segment with the voxels of that representation."""
    found: dict[str, Any] = {}
    for representation in dict.fromkeys(representations.values()):
        ids = [segment_id for segment_id, one in representations.items() if one == representation]
        copy = _copy(segmentation_node.GetSegmentation(), ids, representation)
        if grid:
            copy.SetConversionParameter(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(), grid)
        if not copy.CreateRepresentation(BINARY_LABELMAP):
            raise NoBinaryLabelmapError(segmentation_node.GetName(), representation)
        found.update((segment_id, copy.GetSegment(segment_id)) for segment_id in ids)
    return found


def _copy(segmentation, ids: Iterable[str], representation: str):
    """Return a segmentation of its own with those segments, of which it has that representation alone."""
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(representation)
    copy.CopyConversionParameters(segmentation)
    for segment_id in ids:
        segment = slicer.vtkSegment()
        segment.AddRepresentation(representation, segmentation.GetSegment(segment_id).GetRepresentation(representation))
        copy.AddSegment(segment, segment_id)
    return copy


def _representations(segment) -> list[str]:
    names: list[str] = []
    segment.GetContainedRepresentationNames(names)
    return names


def _has_surface_beside_labelmap(segment) -> bool:
    """Tell whether there are a binary labelmap and a surface of at least one polygon."""
    if BINARY_LABELMAP not in _representations(segment):
        return False
    surface = segment.GetRepresentation(_CLOSED_SURFACE)
    return surface is not None and surface.GetNumberOfPolys() + surface.GetNumberOfStrips() > 0


def _absent(values: set[int], image, name: str) -> set[int]:
    """Return those of the values that no voxel has."""
    if not has_voxels(image):
        return values
    for step in (_PLANES_LOOKED_AT_FIRST, 1):
        counts = voxels_of_values(labels_of_image(image, name, step))
        values = {value for value in values if not 0 <= value < len(counts) or not counts[value]}
        if not values:
            break
    return values

"""How large the files of each row would be for this very node: measured on its voxels, no file is read.

The planes are those of the node's reference volume, and a few hundred bytes of text are guessed, so sizes are told as
"about". What was measured is kept until the voxels change, because the dialog asks at every click. Needs MRML; no Qt.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydicom import Dataset
from pydicom.uid import CTImageStorage

from SegRLEExportLib.errors import ExportError
from SegRLEExportLib.forecast import forecast
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.slicer_side.dialog.rows import NodeFacts, RowSize
from SegRLEExportLib.slicer_side.nodes.labelmaps import BINARY_LABELMAP
from SegRLEExportLib.slicer_side.nodes.segmentation import (
    layer_count,
    read_segmentation,
    volume_geometry,
    voxels_state,
)
from SegRLEExportLib.slicer_side.nodes.source_images import reference_volume_of

MOST_VOXELS = 300_000_000
"""Of all layers together: looking at more takes longer than a click may."""

MOST_DEFLATED = 32_000_000
"""Bytes of bits that are deflated to see what comes of it; of a larger segmentation some segments stand for all."""

_FIRST_UID = 9 * 10**38
"""As UIDs that are as long as most: 2.25 and a number (PS3.5, B.2)."""

_last: tuple[object, Mapping[str, RowSize]] = (None, MappingProxyType({}))


def facts_of(segmentation_node) -> NodeFacts:
    """Return what the rows can tell of the node."""
    segment_count = segmentation_node.GetSegmentation().GetNumberOfSegments()
    return NodeFacts(segment_count, layer_count(segmentation_node), row_sizes(segmentation_node))


def row_sizes(segmentation_node) -> Mapping[str, RowSize]:
    """Return by encoding what the rows would make of the node; empty where that cannot be known without files."""
    global _last
    key = _state_of(segmentation_node)
    if key is None:
        return {}
    if key != _last[0]:
        _last = (key, MappingProxyType(_measured(segmentation_node)))
    return _last[1]


def _state_of(segmentation_node) -> object:
    """Return what is equal as long as the sizes are; None where there are no voxels on a known grid."""
    segmentation = segmentation_node.GetSegmentation()
    volume = reference_volume_of(segmentation_node)
    if volume is None or volume.GetImageData() is None or not segmentation.ContainsRepresentation(BINARY_LABELMAP):
        return None
    return segmentation_node.GetID(), volume.GetID(), voxels_state(segmentation_node, volume)


def _measured(segmentation_node) -> dict[str, RowSize]:
    volume = reference_volume_of(segmentation_node)
    try:
        segmentation = read_segmentation(segmentation_node, None, volume)
        if sum(layer.labels_kji.size for layer in segmentation.layers) > MOST_VOXELS:
            return {}
        source = _planes_of(volume)
        measured = forecast(segmentation, source, plan_ids=["rle", "none"])
        found = {one.plan.id: RowSize(one.bytes, one.files) for one in measured if not one.errors}
        if "none" not in found:
            return found
        return {**found, "deflate": RowSize(_deflated_bytes(segmentation, source, found["none"].bytes), 1)}
    except (ExportError, ValueError):
        return {}


def _planes_of(volume) -> SourceSeries:
    """Return a series with the planes of the volume, and texts of the usual length.

    Raises `ValueError` for a sheared grid.
    """
    stack = PlaneStack.of_geometry(volume_geometry(volume))
    header = Dataset()
    header.StudyInstanceUID = header.SeriesInstanceUID = header.FrameOfReferenceUID = f"2.25.{_FIRST_UID}"
    frames = tuple(SourceFrame(str(CTImageStorage), f"2.25.{_FIRST_UID + n}") for n in range(len(stack)))
    return SourceSeries(header, frames, stack)


def _deflated_bytes(segmentation: Segmentation, source: SourceSeries, bytes_of_bits: int) -> int:
    """Return about how large the deflated file would be; of many segments every so many-th is deflated."""
    step = -(-bytes_of_bits // MOST_DEFLATED)
    part = segmentation.only([segment.id for segment in segmentation.segments[::step]])
    bits, deflated = forecast(part, source, plan_ids=["none", "deflate"])
    return deflated.bytes * bytes_of_bits // bits.bytes

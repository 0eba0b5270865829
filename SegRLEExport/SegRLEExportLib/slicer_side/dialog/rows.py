"""What the rows of Slicer's DICOM export dialog say of a segmentation, from what its node knows; needs no Slicer."""

from __future__ import annotations

from html import escape

from SegRLEExportLib.encoding.plan import EncodingPlan, Split

PREFERRED = 0.98
"""Below Slicer's own exporter, which says 1."""

_ORDER = ("rle", "none", "deflate")
_ORDER_WITH_LAYERS = ("deflate", "none", "rle")
"""Those that keep overlapping segments in one file, and so in one node when they are loaded again, go first."""

_CONFIDENCES = (0.95, 0.90, 0.85)


def confidences(preferred_id: str, layer_count: int) -> dict[str, float]:
    """Return the confidence of each row by encoding, for the user's preference and this node's number of layers."""
    order = _ORDER if layer_count < 2 else _ORDER_WITH_LAYERS
    found = dict(zip(order, _CONFIDENCES))
    suits = layer_count < 2 or preferred_id != "rle"
    found[preferred_id if suits and preferred_id in found else order[0]] = PREFERRED
    return found


def row_name(label: str, plan: EncodingPlan, layer_count: int) -> str:
    """Return the row's name, with the number of files where there may be several."""
    return f"{label} (up to {layer_count} files)" if _may_split(plan, layer_count) else label


def tool_tip(plan: EncodingPlan, segment_count: int, layer_count: int) -> str:
    """Return what the user should know of the row for a node of so many segments and layers, as HTML."""
    texts = [escape(plan.advice)]
    if _may_split(plan, layer_count):
        texts.append(
            f"<b>This segmentation</b> keeps its {segment_count} segments in {layer_count} layers, as Slicer does "
            f"where they overlap: up to {layer_count} files, each of which 3D Slicer opens as a segmentation of its "
            "own."
        )
    elif layer_count > 1:
        texts.append(f"<b>This segmentation</b>: all {segment_count} segments in one file, also where they overlap.")
    texts.append(f"<b>Opens in</b> {escape(plan.reads_in)}.")
    texts.append(f"<b>Not, or not rightly:</b> {escape(plan.fails_in)}")
    texts.append("Every file is read back and compared with the segmentation before it counts.")
    return "".join(f"<p>{text}</p>" for text in texts)


def _may_split(plan: EncodingPlan, layer_count: int) -> bool:
    return plan.split is Split.WHERE_OVERLAPPING and layer_count > 1

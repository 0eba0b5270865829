"""What the rows of Slicer's DICOM export dialog say of a segmentation, from what its node knows; needs no Slicer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from SegRLEExportLib.encoding.plan import EncodingPlan, Split
from SegRLEExportLib.report import size_text

PREFERRED = 0.98
"""Below Slicer's own exporter, which says 1."""

_ORDER = ("rle", "none", "deflate")
_ORDER_WITH_SEVERAL_FILES = ("deflate", "none", "rle")
"""Those that keep overlapping segments in one file, and so in one node when they are loaded again, go first."""

_CONFIDENCES = (0.95, 0.90, 0.85)

_NOTABLY_LARGER = 1.5
_OPENED_APART = (
    "each of which 3D Slicer's own loader opens as a segmentation of its own (the loader of SegRLEExport joins them)"
)


@dataclass(frozen=True)
class RowSize:
    """What a row would make of a segmentation."""

    bytes: int
    """Of all files together, about."""
    files: int


@dataclass(frozen=True)
class NodeFacts:
    """What is known of a segmentation node before its images are read."""

    segment_count: int
    layer_count: int
    """Arrays that hold its voxels; segments of one never overlap."""
    sizes: Mapping[str, RowSize] = field(default_factory=dict)
    """By encoding; empty where they were not measured."""

    def most_files(self, plan: EncodingPlan) -> int:
        """Return how many files the row makes, or may make where that was not measured."""
        if plan.id in self.sizes:
            return self.sizes[plan.id].files
        return self.layer_count if plan.split is Split.WHERE_OVERLAPPING and self.layer_count > 1 else 1


def confidences(preferred_id: str, rle_files: int) -> dict[str, float]:
    """Return the confidence of each row by encoding, for the user's preference and the files that label maps take."""
    order = _ORDER if rle_files < 2 else _ORDER_WITH_SEVERAL_FILES
    found = dict(zip(order, _CONFIDENCES))
    suits = rle_files < 2 or preferred_id != "rle"
    found[preferred_id if suits and preferred_id in found else order[0]] = PREFERRED
    return found


def row_name(label: str, plan: EncodingPlan, facts: NodeFacts) -> str:
    """Return the row's name, with the number of files where there may be several."""
    files = facts.most_files(plan)
    if files < 2:
        return label
    return f"{label} ({files} files)" if plan.id in facts.sizes else f"{label} (up to {files} files)"


def tool_tip(plan: EncodingPlan, facts: NodeFacts, labels: Mapping[str, str]) -> str:
    """Return what the user should know of the row for that node, as HTML; `labels` are the rows' names by encoding."""
    texts = [escape(plan.advice)]
    of_this = [*_size_sentences(plan, facts, labels), *_file_sentences(plan, facts)]
    if of_this:
        texts.append(f"<b>This segmentation</b>: {' '.join(of_this)}")
    texts.append(f"<b>Opens in</b> {escape(plan.reads_in)}.")
    texts.append(f"<b>Known problems:</b> {escape(plan.fails_in)}")
    texts.append("Every file is read back and compared with the segmentation, unless the settings say otherwise.")
    return "".join(f"<p>{text}</p>" for text in texts)


def _size_sentences(plan: EncodingPlan, facts: NodeFacts, labels: Mapping[str, str]) -> list[str]:
    """Return how large it is, and beside the smallest of the other rows if it is notably larger than that."""
    if plan.id not in facts.sizes:
        return []
    size = facts.sizes[plan.id].bytes
    told = f"about {size_text(size)}"
    smallest = min((one for one in labels if one in facts.sizes), key=lambda one: facts.sizes[one].bytes)
    times = size / facts.sizes[smallest].bytes
    if times >= _NOTABLY_LARGER:
        told += f", {times:.2g} times as large as '{escape(labels[smallest])}'"
    return [f"{told}."]


def _file_sentences(plan: EncodingPlan, facts: NodeFacts) -> list[str]:
    """Return how its segments are spread over files, where one of the rows spreads them."""
    files = facts.most_files(plan)
    if files > 1 and plan.id in facts.sizes:
        return [f"Its segments overlap, so they go into {files} files, {_OPENED_APART}."]
    if files > 1:
        return [
            f"It keeps its {facts.segment_count} segments in {facts.layer_count} layers, as Slicer does where they "
            f"overlap: up to {files} files, {_OPENED_APART}."
        ]
    if facts.layer_count > 1:
        return [f"All {facts.segment_count} segments in one file, also where they overlap."]
    return []

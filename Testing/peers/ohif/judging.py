"""Is what OHIF shows what was written: voxels, names and colors?"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import numpy as np

from peers.ohif.cases import ShownCase

_COLOR_TOLERANCE = 12
"""Of 255; CIELab and back costs a few."""


def judged(case: ShownCase, encoding: str, shown: Iterable[dict[str, Any]]) -> tuple[str, str]:
    """Return the outcome of all files of one encoding together ("right", "wrong" or "error"), and why."""
    faults: list[str] = []
    refusals: list[str] = []
    for path in case.files[encoding]:
        entry = next((one for one in shown if one["sop"] == case.sop_uids[path]), None)
        if entry is None or not entry.get("content"):
            refusals.append(_refusal(entry))
        else:
            faults.extend(_faults(case, entry["content"], case.names[path]))
    if faults:
        return "wrong", "; ".join(faults[:3])
    return ("error", refusals[0]) if refusals else ("right", "")


def _refusal(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return "the page was not opened"
    messages, errors = entry.get("messages", []), entry.get("errors", [])[:1]
    if messages:
        says_why = " / " in messages[0]
        return messages[0] if says_why else "; ".join([messages[0], *errors])
    state = "no message, it goes on loading" if entry["state"] == "timeout" else str(entry["state"])
    return "; ".join([state, *errors])


def _faults(case: ShownCase, content: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    segments = {one["name"]: one for one in content["segments"]}
    faults = [f"'{name}' is not listed" for name in names if name not in segments]
    faults += [f"lists '{name}', which is no segment" for name in segments if name not in names]
    for segment in case.segmentation.segments:
        if segment.name in segments and segment.name in names:
            faults += _segment_faults(case, segment, segments[segment.name], content["planes"])
    return faults


def _segment_faults(case: ShownCase, segment: Any, shown: dict[str, Any], planes: list[dict[str, Any]]) -> list[str]:
    wanted = case.segmentation.layers[segment.layer_index].labels_kji == segment.layer_value
    found = np.zeros_like(wanted)
    plane_of = {frame.sop_instance_uid: k for k, frame in enumerate(case.source.frames)}
    for plane in planes:
        labels = np.frombuffer(base64.b64decode(plane["labels"]), np.uint16).reshape(plane["rows"], plane["columns"])
        found[plane_of[plane["image"]]] |= labels == shown["number"]
    faults = []
    if wrong := int(np.count_nonzero(found != wanted)):
        faults.append(f"{wrong} voxels of '{segment.name}' are wrong")
    wanted_color = np.array(segment.color_rgb) * 255
    if not shown["color"] or np.abs(np.array(shown["color"][:3]) - wanted_color).max() > _COLOR_TOLERANCE:
        faults.append(f"the color of '{segment.name}' is {shown['color']}, not {wanted_color.round().tolist()}")
    return faults

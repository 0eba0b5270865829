"""How large the files are: each encoding of real and of drawn segmentations."""

from __future__ import annotations

import importlib.util
import tempfile
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.workloads import WORKLOADS, draw_layers, make_segmentation
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.uids import derived_uid

from peers.cases import source_of
from peers.environments import AbsentError

PLOT = Path(__file__).with_name("sizes.png")

Sizes = dict[str, dict[str, int]]
"""Bytes by segmentation and encoding."""

_DRAWN = ("W1", "W2", "W4")


def measured(segmentations: dict[str, Segmentation] | None = None) -> Sizes:
    """Return the sizes of those segmentations, or of all; raises `AbsentError` if the real ones are not here."""
    if segmentations is None:
        segmentations = {**real(), **dict(_drawn(name) for name in _DRAWN)}
    return {
        name: {plan_id: _bytes(segmentation, plan_id) for plan_id in PLANS}
        for name, segmentation in segmentations.items()
    }


def _bytes(segmentation: Segmentation, plan_id: str) -> int:
    """Return the size of all files; with the same UIDs and clock every time, so that it is the same every time."""
    numbers = count(1)
    options = ExportOptions(
        verify=False,
        new_uid=lambda: derived_uid("peers", "sizes", str(next(numbers))),
        now=lambda: datetime(2026, 1, 1),
    )
    source = source_of(segmentation.layers[0].geometry)
    with tempfile.TemporaryDirectory(prefix="peers-sizes-") as folder:
        return export(segmentation, source, Path(folder), plan_id, options=options).bytes


def plot(sizes: Sizes, path: Path = PLOT) -> None:
    """Draw how many times smaller or larger than uncompressed each encoding is."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    encodings = [plan_id for plan_id in PLANS if plan_id != "none"]
    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    width = 0.8 / len(sizes)
    for place, (name, by_plan) in enumerate(sizes.items()):
        shares = [by_plan[plan_id] / by_plan["none"] for plan_id in encodings]
        axes.bar(np.arange(len(encodings)) + place * width, shares, width, label=name.split(":")[0])
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xticks(np.arange(len(encodings)) + 0.4 - width / 2, encodings, rotation=15)
    axes.set_ylabel("size, 1 = 'none'")
    axes.legend(fontsize=7, ncols=2)
    figure.savefig(path, dpi=90)


def _drawn(name: str) -> tuple[str, Segmentation]:
    workload = WORKLOADS[name]
    title = f"{name}: {workload.segment_count} segments, {workload.slices} x {workload.rows} x {workload.columns}"
    return title, make_segmentation(workload, draw_layers(workload))


def real() -> dict[str, Segmentation]:
    """Return the two segmentations of a chest CT that PyPI's slicerio ships."""
    found = importlib.util.find_spec("slicerio")
    if found is None or found.origin is None:
        raise AbsentError("the Python package slicerio is not installed")
    data = Path(found.origin).parent / "data"
    return {
        "chest: real, 34 x 128 x 128": _of_nrrd(data / "Segmentation.seg.nrrd"),
        "chest, overlapping: real, 34 x 128 x 128": _of_nrrd(data / "SegmentationOverlapping.seg.nrrd"),
    }


def _of_nrrd(path: Path) -> Segmentation:
    import nrrd

    values, header = nrrd.read(str(path))
    arrays = np.atleast_1d(values) if values.ndim == 4 else values[np.newaxis]
    layers = [np.ascontiguousarray(array.transpose()) for array in arrays]
    geometry = Geometry(layers[0].shape, _kji_to_lps(header))
    segments = [
        Segment(f"{index}-{label}", f"Segment {index}-{label}", index, int(label))
        for index, labels in enumerate(layers)
        for label in np.unique(labels)
        if label
    ]
    return Segmentation(path.stem, tuple(Layer(labels, geometry) for labels in layers), tuple(segments))


def _kji_to_lps(header: dict[str, Any]) -> np.ndarray:
    to_lps = np.eye(4)
    to_lps[:3, :3] = np.asarray(header["space directions"], dtype=float)[-3:][::-1].T
    to_lps[:3, 3] = header["space origin"]
    return to_lps

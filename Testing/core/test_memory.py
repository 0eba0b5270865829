"""Labels of 600 MB are exported within 50 MB more: nowhere is a hidden copy of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from builders import a_grid, a_source
from SegRLEExportLib.export import export
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation

SHAPE = (1200, 1024, 512)
BUDGET_MB = 50
STATUS = Path("/proc/self/status")

linux_only = pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells the peak of a process's memory")


@linux_only
@pytest.mark.parametrize("encoding", ["rle", "none", "deflate"])
def test_an_export_takes_little_memory_beside_its_labels(encoding):
    used = json.loads(run_in_child(encoding))

    assert used["segment_planes"] == 600
    assert used["peak_mb"] - used["before_mb"] < BUDGET_MB


@linux_only
def test_a_copy_of_the_labels_would_be_seen():
    used = json.loads(run_in_child("copy"))

    assert used["peak_mb"] - used["before_mb"] > 500


def run_in_child(what: str) -> str:
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, __file__, what]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, check=True, capture_output=True).stdout


def large_segmentation() -> Segmentation:
    """Return two segments on every fourth plane; all other pages of the labels stay untouched, so they cost nothing."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[::4, 100:140, 100:140] = 1
    labels[::4, 200:260, 50:300] = 2
    segments = tuple(Segment(str(value), f"Segment {value}", 0, value) for value in (1, 2))
    return Segmentation("Large", (Layer(labels, a_grid(SHAPE)),), segments)


def status_mb(key: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def measure(what: str) -> dict[str, float]:
    segmentation, source = large_segmentation(), a_source(a_grid(SHAPE))
    before = status_mb("VmHWM")
    if what == "copy":
        frames = len(segmentation.layers[0].labels_kji.copy()[:1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            frames = export(segmentation, source, folder, compression=what).instances[0].frames
    return {"segment_planes": frames * (2 if what == "rle" else 1), "before_mb": before, "peak_mb": status_mb("VmHWM")}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))

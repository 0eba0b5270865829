"""Labels of 2 GB are exported by a process that is allowed 50 MB more: nowhere is a hidden copy of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from builders import a_grid, a_segmentation, a_source
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries

SHAPE = (2048, 1024, 1024)
COARSER = (512, 512, 512)
BUDGET_MB = 50
STATUS = Path("/proc/self/status")

linux_only = pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells and limits the memory of a process")


@linux_only
@pytest.mark.parametrize("encoding", ["rle", "none", "deflate"])
def test_an_export_takes_little_memory_beside_its_labels(encoding):
    used = json.loads(run_in_child(encoding).stdout)

    assert used["segment_planes"] == 256
    assert used["peak_mb"] - used["before_mb"] < BUDGET_MB


@linux_only
@pytest.mark.parametrize("encoding", ["rle", "none"])
def test_so_does_an_export_of_labels_on_a_finer_grid(encoding):
    used = json.loads(run_in_child(encoding, "resampled").stdout)

    assert used["segment_planes"] == 64
    assert used["peak_mb"] - used["before_mb"] < BUDGET_MB


@linux_only
@pytest.mark.parametrize("copied", ["a copy", "a copy of a tenth"])
def test_a_copy_of_the_labels_would_be_refused(copied):
    assert "MemoryError" in run_in_child(copied).stderr


def run_in_child(*what: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, __file__, *what]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, check=False, capture_output=True, text=True)


def large_segmentation(geometry: Geometry) -> Segmentation:
    """Return two segments on every sixteenth plane; all other pages of the labels stay untouched and cost nothing."""
    labels = np.zeros(geometry.shape_kji, dtype=np.uint8)
    labels[::16, 100:140, 100:140] = 1
    labels[::16, 200:260, 50:300] = 2
    segments = tuple(Segment(str(value), f"Segment {value}", 0, value) for value in (1, 2))
    return Segmentation("Large", (Layer(labels, geometry),), segments)


def status_mb(key: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def allow_more_mb(count: float) -> None:
    """Limit the address space of this process to what it has and so much more."""
    import resource

    most = int((status_mb("VmSize") + count) * 2**20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def export_in_temporary_folder(segmentation: Segmentation, source: SourceSeries, encoding: str) -> int:
    """Export and return the number of frames; the first time that also imports what an export needs."""
    with tempfile.TemporaryDirectory() as folder:
        return export(segmentation, source, folder, compression=encoding).instances[0].frames


def measure(what: str, grid: str = "the same") -> dict[str, float]:
    export_in_temporary_folder(a_segmentation(), a_source(), what if what in PLANS else "none")
    planes = a_grid(SHAPE if grid == "the same" else COARSER)
    finer = Geometry((COARSER[0], *SHAPE[1:]), planes.kji_to_lps @ np.diag([1, 0.5, 0.5, 1]))
    segmentation, source = large_segmentation(planes if grid == "the same" else finer), a_source(planes)
    before = status_mb("VmHWM")
    allow_more_mb(BUDGET_MB)
    labels = segmentation.layers[0].labels_kji
    if what.startswith("a copy"):
        frames = len((labels if what == "a copy" else labels[: len(labels) // 10]).copy())
    else:
        frames = export_in_temporary_folder(segmentation, source, what)
    return {"segment_planes": frames * (2 if what == "rle" else 1), "before_mb": before, "peak_mb": status_mb("VmHWM")}


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))

"""What loading a SEG into a segmentation node costs: ours, and Slicer's present load path headless. FOLDER [WORKLOAD].

Slicer's path is restated from its source: dcmqi's segimage2itkimage with --mergeSegments, each label map file read
into a volume node, and taken in by `ImportLabelmapToSegmentationNode`; names and codes are left out, in its favour.
Each load is a process of its own; CPU seconds are those of the load and of what it starts, without imports.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENCODINGS = ("none", "rle", "deflate")
LIMIT_CPU_S = {("W3", "none"): 2.5, ("W3", "rle"): 0.8}
"""Of ours; with at most the labels and `ABOVE_LABELS_MB`."""

ABOVE_LABELS_MB = 100

_KIB_PER_MB = 1024


def main(folder: Path, workload: str = "W3") -> None:
    """Export a workload, load it both ways, and print a line for each; exits 1 if a budget is missed."""
    files = _exported(folder, workload)
    held = True
    for encoding in ENCODINGS:
        for way in ("ours", "slicer"):
            cost = _in_child(way, files[encoding])
            line = f"{workload} {encoding:8} {way:7} {cost['cpu_s']:7.2f} CPU s {cost['above_mb']:7.0f} MB more"
            limit = LIMIT_CPU_S.get((workload, encoding)) if way == "ours" else None
            if limit is not None:
                is_held = cost["cpu_s"] <= limit and cost["above_mb"] <= cost["labels_mb"] + ABOVE_LABELS_MB
                held &= is_held
                line += (
                    f"  limit {limit} and {cost['labels_mb'] + ABOVE_LABELS_MB:.0f}: {'held' if is_held else 'MISSED'}"
                )
            print(line, flush=True)
    if not held:
        sys.exit(1)


def _exported(folder: Path, workload: str) -> dict[str, Path]:
    from SegRLEExportLib.export import export
    from SegRLEExportLib.options import ExportOptions
    from workloads import WORKLOADS, draw_layers, make_segmentation, write_series

    files = {encoding: folder / f"{workload}-{encoding}.dcm" for encoding in ENCODINGS}
    if not all(path.exists() for path in files.values()):
        write_series(WORKLOADS[workload], folder / workload, with_pixels=False)
        segmentation = make_segmentation(WORKLOADS[workload], draw_layers(WORKLOADS[workload]))
        for encoding, path in files.items():
            options = ExportOptions(overwrite=True, verify=False)
            export(segmentation, folder / workload, path, encoding, options=options)
    return files


def _in_child(way: str, path: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, way, str(path)], capture_output=True, text=True, check=True)
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return cost


def child(way: str, path: Path) -> None:
    """Load once and print what it cost."""
    import numpy as np
    from SegRLEExportLib.slicer_side.nodes import loading, mrml_host

    scene = mrml_host.scene()
    before_mb, before_s = _peak_mb(), _cpu_s()
    node = loading.load_segmentation([path], scene) if way == "ours" else _by_slicers_path(path, scene)
    cpu_s, above_mb = _cpu_s() - before_s, _peak_mb() - before_mb
    image = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    labels_mb = float(np.prod(image.GetDimensions())) / 1e6 * node.GetSegmentation().GetNumberOfLayers()
    print(json.dumps({"cpu_s": cpu_s, "above_mb": above_mb, "labels_mb": labels_mb}), flush=True)
    # taking the scene down would remove the segments one by one, each over all voxels
    sys.stdout.flush()
    import os

    os._exit(0)


def _by_slicers_path(path: Path, scene):
    import dcmqi
    from SegRLEExportLib.slicer_side.nodes import mrml_host

    program = Path(dcmqi.__file__).parent / "bin" / "segimage2itkimage"
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    logic = mrml_host._host()[2]
    with tempfile.TemporaryDirectory() as folder:
        words = [program, "--inputDICOM", path, "--outputDirectory", folder, "--mergeSegments"]
        subprocess.run(words, check=True, capture_output=True)
        for file in sorted(Path(folder).glob("*.nrrd")):
            volume = mrml_host.read_volume_node(file, "vtkMRMLLabelMapVolumeNode")
            logic.ImportLabelmapToSegmentationNode(volume, node)
            scene.RemoveNode(volume)
    return node


def _cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_mb() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_maxrss for usage in usages) / _KIB_PER_MB


if __name__ == "__main__":
    started = time.perf_counter()
    if sys.argv[1] in ("ours", "slicer"):
        child(sys.argv[1], Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), *sys.argv[2:])

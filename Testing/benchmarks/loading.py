"""A SEG loaded into a segmentation node, as a child process: FOLDER WORKLOAD OUTPUT ENCODING WAY; WAY is one of `WAYS`.

The file is written before, unmeasured; a tiny one is loaded first. Slicer's present path is restated from its source
(DICOMSegmentationPlugin.load in 5.12.3): dcmqi's segimage2itkimage with --mergeSegments, each label map file read into
a volume node and taken in by `ImportLabelmapToSegmentationNode`; names and codes are left out, in its favour.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from material import Material, open_material, warm_up_material
from measuring import measure_stage, result_folder
from SegRLEExportLib.export import export
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.slicer_side.nodes import mrml_host
from SegRLEExportLib.slicer_side.nodes.loading import load_path

_KIB_PER_MIB = 1024


def main() -> None:
    """Load one workload's file and print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("workload")
    parser.add_argument("output", type=Path)
    parser.add_argument("encoding")
    parser.add_argument("way", choices=WAYS)
    asked = parser.parse_args()
    load = WAYS[asked.way]
    load(_exported(warm_up_material(asked.folder), asked.output / "tiny", asked.encoding))
    file = _exported(open_material(asked.folder, asked.workload), result_folder(asked.output), asked.encoding)
    kept: list[Any] = []
    measure = _measure_with_children if asked.way == "slicer" else measure_stage
    measure(lambda: kept.append(load(file)), layers_mb=lambda: _layers_mb(kept[0]))
    # taking the scene down would remove the segments one by one, each over all voxels
    sys.stdout.flush()
    os._exit(0)


def _exported(material: Material, folder: Path, encoding: str) -> Path:
    options = ExportOptions(compression=encoding, verify=False)
    (path,) = export(material.segmentation(), material.series, folder, options=options).paths
    return path


def _ours(file: Path) -> Any:
    return load_path(file, mrml_host.scene())


def _by_slicers_path(file: Path) -> Any:
    import dcmqi

    program = Path(dcmqi.__file__).parent / "bin" / "segimage2itkimage"
    scene, logic = mrml_host.scene(), mrml_host._host()[2]
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    with tempfile.TemporaryDirectory() as folder:
        words = [str(program), "--inputDICOM", str(file), "--outputDirectory", folder, "--mergeSegments"]
        subprocess.run(words, check=True, capture_output=True)
        for path in sorted(Path(folder).glob("*.nrrd")):
            volume = mrml_host.read_volume_node(path, "vtkMRMLLabelMapVolumeNode")
            logic.ImportLabelmapToSegmentationNode(volume, node)
            scene.RemoveNode(volume)
    return node


WAYS: dict[str, Callable[[Path], Any]] = {"ours": _ours, "slicer": _by_slicers_path}


def _measure_with_children(stage: Callable[[], object], **afterwards: Callable[[], float]) -> None:
    """Print what `stage` cost, the programs that it ran included, as `measure_stage` prints it."""
    before_s, before_mb, started = _cpu_s(), _peak_mb(), time.perf_counter()
    stage()
    cost = {
        "stage_cpu_s": _cpu_s() - before_s,
        "stage_wall_s": time.perf_counter() - started,
        "stage_peak_mb": _peak_mb() - before_mb,
        "process_peak_mb": _peak_mb(),
    }
    print(json.dumps(cost | {name: measure() for name, measure in afterwards.items()}))


def _layers_mb(node: Any) -> float:
    """Return the size of the layers, which have one byte a voxel in all workloads."""
    image = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    return float(np.prod(image.GetDimensions())) * node.GetSegmentation().GetNumberOfLayers() / 2**20


def _cpu_s() -> float:
    return sum(usage.ru_utime + usage.ru_stime for usage in _usages())


def _peak_mb() -> float:
    return sum(usage.ru_maxrss for usage in _usages()) / _KIB_PER_MIB


def _usages() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


if __name__ == "__main__":
    main()

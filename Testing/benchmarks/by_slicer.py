"""What 3D Slicer's own exporter does, headless, as a child process: FOLDER WORKLOAD OUTPUT.

Its steps, as its source tells them: merge each segment into a label map volume of its own, save that as
compressed NRRD, copy the series, and give all to itkimage2segimage. Volumes are removed from the scene as there,
so what that leaves in memory is left here, too.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import slicer
import vtk
from by_dcmqi import segimage_command
from material import Material, dcmqi_metadata, open_material
from measuring import result_folder
from mrml_node import make_node
from SegRLEExportLib.slicer_side.nodes.mrml_host import scene

_KIB_PER_MB = 1024


def main(folder: Path, workload: str, output: Path) -> None:
    """Export one workload and print what each step cost."""
    material = open_material(folder, workload)
    node = make_node(material)
    steps: dict[str, float] = {}
    own = time.process_time()
    children = _children_cpu_s()
    started = time.perf_counter()
    files = _timed(steps, "merge_and_save", lambda: _label_map_files(node, output))
    _timed(steps, "copy_series", lambda: shutil.copytree(material.series, output / "series"))
    _timed(steps, "itkimage2segimage", lambda: subprocess.run(_command(material, files, output), check=True))
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(
        json.dumps(
            {
                "stage_cpu_s": time.process_time() - own + _children_cpu_s() - children,
                "stage_wall_s": time.perf_counter() - started,
                "process_peak_mb": sum(peaks) / _KIB_PER_MB,
            }
            | steps
        )
    )


def _timed(steps: dict[str, float], name: str, step):
    started = time.perf_counter()
    result = step()
    steps[f"{name}_wall_s"] = time.perf_counter() - started
    return result


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _label_map_files(node, output: Path) -> list[Path]:
    files = []
    for index in range(node.GetSegmentation().GetNumberOfSegments()):
        path = output / f"segment{index}.nrrd"
        _save_merged(node, node.GetSegmentation().GetNthSegmentID(index), path)
        files.append(path)
    return files


def _save_merged(node, segment_id: str, path: Path) -> None:
    wanted = vtk.vtkStringArray()
    wanted.InsertNextValue(segment_id)
    merged = slicer.vtkOrientedImageData()
    node.GenerateMergedLabelmapForAllSegments(merged, slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY, None, wanted)
    volume = scene().AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    slicer.vtkSlicerSegmentationsModuleLogic.CreateLabelmapVolumeFromOrientedImageData(merged, volume)
    storage = scene().AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    storage.SetUseCompression(True)
    if not storage.WriteData(volume):
        sys.exit(f"{path} could not be written")
    scene().RemoveNode(storage)
    scene().RemoveNode(volume)


def _command(material: Material, files: list[Path], output: Path) -> list[str]:
    metadata = dcmqi_metadata(material.segmentation())
    each_alone = [[segment | {"labelID": 1}] for layer in metadata["segmentAttributes"] for segment in layer]
    path = output / "dcmqi.json"
    path.write_text(json.dumps(metadata | {"segmentAttributes": each_alone}))
    return segimage_command(files, path, output / "series", result_folder(output) / "seg.dcm")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

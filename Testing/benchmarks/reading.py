"""A SEG read again as a child process: FOLDER WORKLOAD OUTPUT ENCODING WHAT; WHAT is one of `STAGES`.

The file is written before, unmeasured; a tiny one is read first, as in a process that has been open for a while.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from material import open_material, warm_up_material
from measuring import measure_stage, result_folder
from SegRLEExportLib.convert import convert
from SegRLEExportLib.export import export
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.reading.inspection import inspect
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.reading.source import source_of
from SegRLEExportLib.verification.comparison import compare

Stage = Callable[[list[Path], Segmentation], object]


def _converted(suffix: str) -> Stage:
    """Return what converts a SEG on its own references to a file of that suffix, and gives the segmentation."""

    def stage(paths: list[Path], _: Segmentation) -> Segmentation:
        segmentation = segmentation_of(paths)
        source = source_of(paths) if suffix == ".dcm" else None
        convert(segmentation, paths[0].with_name(f"converted{suffix}"), source=source)
        return segmentation

    return stage


STAGES: dict[str, Stage] = {
    "rle": _converted(".dcm"),
    "NIfTI": _converted(".nii.gz"),
    "seg.nrrd": _converted(".seg.nrrd"),
    "layers": lambda paths, _: segmentation_of(paths),
    "inspect": lambda paths, _: [inspect(path) for path in paths],
    "verify": compare,
}


def main() -> None:
    """Read one workload's file and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("workload")
    parser.add_argument("output", type=Path)
    parser.add_argument("encoding")
    parser.add_argument("what", choices=STAGES)
    asked = parser.parse_args()
    options = ExportOptions(compression=asked.encoding, verify=False)
    tiny, material = warm_up_material(asked.folder), open_material(asked.folder, asked.workload)
    stage = STAGES[asked.what]
    small = tiny.segmentation()
    stage(export(small, tiny.series, asked.output / "tiny", options=options).paths, small)
    whole = material.segmentation()
    paths = export(whole, material.series, result_folder(asked.output), options=options).paths
    kept: list[object] = []
    measure_stage(lambda: kept.append(stage(paths, whole)), layers_mb=lambda: _layers_mb(kept[0]))


def _layers_mb(result: object) -> float:
    if not isinstance(result, Segmentation):
        return 0.0
    return sum(layer.labels_kji.nbytes for layer in result.layers) / 2**20


if __name__ == "__main__":
    main()

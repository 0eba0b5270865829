"""A process that does what dcmqi's does, from its start to its end: FOLDER WORKLOAD OUTPUT ENCODING.

It reads the same raw NRRD label maps and the same series, exports, and reads the file back.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from material import open_material
from measuring import result_folder
from SegRLEExportLib.export import export
from workloads import Labels, Workload, make_segmentation


def main(folder: Path, workload: str, output: Path, encoding: str) -> None:
    """Export one workload."""
    material = open_material(folder, workload)
    layers = [_read_raw_nrrd(path, material.workload) for path in material.label_files]
    segmentation = make_segmentation(material.workload, layers)
    export(segmentation, material.series, result_folder(output), compression=encoding)


def _read_raw_nrrd(path: Path, workload: Workload) -> Labels:
    shape = (workload.slices, workload.rows, workload.columns)
    with path.open("rb") as file:
        while file.readline().strip():
            pass
        return np.fromfile(file, dtype=np.uint8).reshape(shape)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])

"""Reading a segmentation node as a child process: FOLDER WORKLOAD OUTPUT (which stays empty)."""

from __future__ import annotations

import sys
from pathlib import Path

from material import open_material, warm_up_material
from measuring import measure_stage
from mrml_node import make_node
from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation


def main(folder: Path, workload: str) -> None:
    """Read the node of one workload and print what that cost."""
    read_segmentation(make_node(warm_up_material(folder)))
    node = make_node(open_material(folder, workload))
    measure_stage(lambda: read_segmentation(node))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

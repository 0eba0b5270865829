"""Our own export as a child process: FOLDER WORKLOAD OUTPUT ENCODING [--no-verify] [--cold].

Without --cold a tiny case is exported first, as in a Slicer that has been open for a while.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from material import open_material, warm_up_material
from measuring import measure_stage, result_folder
from SegRLEExportLib.export import export
from SegRLEExportLib.options import ExportOptions


def main() -> None:
    """Export one workload and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("workload")
    parser.add_argument("output", type=Path)
    parser.add_argument("encoding")
    parser.add_argument("--no-verify", action="store_true")
    parser.add_argument("--cold", action="store_true")
    asked = parser.parse_args()
    options = ExportOptions(compression=asked.encoding, verify=not asked.no_verify)
    if not asked.cold:
        tiny = warm_up_material(asked.folder)
        export(tiny.segmentation(), tiny.series, asked.output / "tiny", options=options)
    material = open_material(asked.folder, asked.workload)
    segmentation = material.segmentation()
    measure_stage(lambda: export(segmentation, material.series, result_folder(asked.output), options=options))


if __name__ == "__main__":
    main()

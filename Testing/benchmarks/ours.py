"""Our own export as a child process: FOLDER WORKLOAD OUTPUT ENCODING [--verify {own,others,off}] [--cold].

Without --cold a tiny case is exported first, as in a Slicer that has been open for a while.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

from material import open_material, warm_up_material
from measuring import measure_stage, result_folder
from pydicom import dcmread
from pydicom.pixels.utils import iter_pixels
from SegRLEExportLib.export import export
from SegRLEExportLib.options import ExportOptions, Verify
from SegRLEExportLib.verification.check import cross_checked_frames


def main() -> None:
    """Export one workload and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("workload")
    parser.add_argument("output", type=Path)
    parser.add_argument("encoding")
    parser.add_argument("--verify", choices=[choice.value for choice in Verify], default=Verify.OWN.value)
    parser.add_argument("--cold", action="store_true")
    asked = parser.parse_args()
    options = ExportOptions(compression=asked.encoding, verify=asked.verify)
    if not asked.cold:
        tiny = warm_up_material(asked.folder)
        export(tiny.segmentation(), tiny.series, asked.output / "tiny", options=options)
    material = open_material(asked.folder, asked.workload)
    segmentation = material.segmentation()
    output = result_folder(asked.output)
    afterwards: dict[str, Callable[[], float]] = {}
    if asked.verify == Verify.OWN.value and asked.encoding == "rle":
        afterwards["pydicom_cpu_s"] = lambda: _decoding_cpu_s(output)
    if asked.verify == Verify.OTHERS.value:
        warm_up_cpu_s = _children_cpu_s()
        afterwards["others_cpu_s"] = lambda: _children_cpu_s() - warm_up_cpu_s
    measure_stage(lambda: export(segmentation, material.series, output, options=options), **afterwards)


def _decoding_cpu_s(folder: Path) -> float:
    """Return what pydicom takes to decode the frames that verification has it decode."""
    started = time.process_time()
    for path in folder.iterdir():
        frame_count = dcmread(path, specific_tags=["NumberOfFrames"], stop_before_pixels=True).NumberOfFrames
        frames = cross_checked_frames(frame_count)
        for _ in iter_pixels(path, raw=True, indices=frames, decoding_plugin="pydicom"):
            pass
    return time.process_time() - started


def _children_cpu_s() -> float:
    """Return what the processes took that this one started: highdicom's and dcmqi's."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()

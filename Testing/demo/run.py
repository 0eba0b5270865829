"""The main job on real input: a CT chest and a Slicer segmentation of eight segments, two of them overlapping.

Both come with the PyPI package slicerio. The CT is not DICOM there, so it is first written as a DICOM series; the
segmentation is read by Slicer's own code (slicer-core) into a vtkMRMLSegmentationNode.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib import resources
from pathlib import Path

from pictures import draw_contours
from practice import make_practice_folder
from SegRLEExportLib.cli import main as segrle
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.slicer_side.nodes.export import export_node
from SegRLEExportLib.slicer_side.nodes.mrml_host import read_segmentation_node, read_volume_node, volume_geometry
from SegRLEExportLib.slicer_side.nodes.segmentation import volume_voxels
from SegRLEExportLib.writing.image_series import write_image_series

OUTPUT = Path(__file__).resolve().parents[2] / "demo-output"
ENCODINGS = ("rle", "none", "deflate")


def main() -> int:
    """Export as RLE, uncompressed and deflated; print the reports; draw what was read back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to make anew (default: demo-output)")
    output: Path = parser.parse_args().output
    shutil.rmtree(output, ignore_errors=True)
    (output / "training").mkdir(parents=True)

    data = Path(str(resources.files("slicerio") / "data"))
    volume_node = read_volume_node(data / "CTChest4.nrrd")
    source = write_image_series(
        volume_voxels(volume_node),
        volume_geometry(volume_node),
        output / "source-ct",
        modality="CT",
        patient_name="Demo^Chest",
        patient_id="DEMO",
        series_description="CT chest of slicerio",
    )
    print(f"Source: {source.description}")
    segmentation_node = read_segmentation_node(data / "SegmentationOverlapping.seg.nrrd")
    count = segmentation_node.GetSegmentation().GetNumberOfSegments()
    print(f"Segmentation: {segmentation_node.GetClassName()} '{segmentation_node.GetName()}', {count} segments\n")

    reports = {
        encoding: export_node(segmentation_node, output / encoding, encoding, source=source) for encoding in ENCODINGS
    }
    for report in reports.values():
        print(f"{report}\n")
    _print_summary(reports)
    picture = output / "read-back.png"
    draw_contours(picture, volume_voxels(volume_node), source, reports["rle"].paths)
    _convert(reports["rle"].paths, output)
    make_practice_folder(output / "practice")
    print(f"\nFiles and a picture of what was read back are in {output}.")
    print("Every command of README and Docs can be typed as it stands after these two lines:")
    print(f"  {_activation()}\n  cd {output / 'practice'}")
    return 0


def _activation() -> str:
    """Return what to type in a shell so that it knows `segrle`, of the environment that runs this."""
    programs = Path(sys.prefix) / ("Scripts" if os.name == "nt" else "bin")
    return str(programs / "activate") if os.name == "nt" else f". {programs / 'activate'}"


def _convert(seg_paths: tuple[Path, ...], output: Path) -> None:
    """Make training data of the SEG just written: a COCO file, and NIfTI label maps, as segments overlap."""
    for name, *more in (("training/cases.json",), ("training/chest.nii.gz", "--one-file-each")):
        print(" ".join(("\nsegrle convert", f"{seg_paths[0].parent.name}/*.dcm", "source-ct -o", name, *more)))
        files = [str(path) for path in seg_paths]
        segrle(["convert", *files, str(output / "source-ct"), "-o", str(output / name), *more])


def _print_summary(reports) -> None:
    print(f"{'encoding':10} {'bytes':>10} {'ratio':>7} {'files':>5} {'frames':>6} {'seconds':>8}  verified")
    for encoding, report in reports.items():
        frames = sum(instance.frames for instance in report.instances)
        print(
            f"{encoding:10} {report.bytes:>10,} {report.ratio:>6.1f}x {len(report.instances):>5} {frames:>6} "
            f"{report.seconds:>8.2f}  {'every voxel' if report.is_verified else 'no'}  {PLANS[encoding].title}"
        )


if __name__ == "__main__":
    sys.exit(main())

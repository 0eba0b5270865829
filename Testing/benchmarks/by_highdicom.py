"""highdicom's export as a child process: FOLDER WORKLOAD OUTPUT none|rle.

The clock starts when the headers of the series are in memory, as its users hand them in. Frames are encoded by
the RLE encoder that pydicom finds: its own, unless pylibjpeg or gdcm is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import highdicom
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from material import Material, open_material, warm_up_material
from measuring import measure_stage, result_folder
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

KIND = {
    "none": (SegmentationTypeValues.BINARY, ExplicitVRLittleEndian),
    "rle": (SegmentationTypeValues.LABELMAP, RLELossless),
}


def main(folder: Path, workload: str, output: Path, encoding: str) -> None:
    """Export one workload and print what building and saving cost."""
    tiny = warm_up_material(folder)
    _export(tiny, _headers(tiny), tiny.layers()[0], output / "tiny.dcm", encoding)
    material = open_material(folder, workload)
    (labels,) = material.layers()
    headers = _headers(material)
    measure_stage(lambda: _export(material, headers, labels, result_folder(output) / "seg.dcm", encoding))


def _headers(material: Material) -> list[Dataset]:
    return [dcmread(path, stop_before_pixels=True) for path in sorted(material.series.iterdir())]


def _export(material: Material, headers: list[Dataset], labels: np.ndarray, path: Path, encoding: str) -> None:
    segmentation_type, transfer_syntax = KIND[encoding]
    segmentation = highdicom.seg.Segmentation(
        source_images=headers,
        pixel_array=labels,
        segmentation_type=segmentation_type,
        segment_descriptions=[_description(number + 1) for number in range(material.workload.segment_count)],
        series_instance_uid=highdicom.UID(),
        series_number=300,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="Bench",
        manufacturer_model_name="Bench",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=True,
        transfer_syntax_uid=transfer_syntax,
    )
    segmentation.save_as(path)


def _description(number: int) -> SegmentDescription:
    return SegmentDescription(
        segment_number=number,
        segment_label=f"Organ {number}",
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Tissue,
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])

"""highdicom's object for the same segmentation and images: the judge of ours."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pydicom
from builders import LEFT_KIDNEY, LIVER, a_segmentation, a_sphere, masks_of
from pydicom import Dataset
from pydicom.sr.coding import Code as PydicomCode
from pydicom.uid import ExplicitVRLittleEndian
from SegRLEExportLib.dataset.header import MANUFACTURER, PRODUCT_UID
from SegRLEExportLib.encoding.plan import PLANS, Split
from SegRLEExportLib.model.segmentation import AlgorithmType, Segment, Segmentation
from SegRLEExportLib.model.terminology import Code

JUDGED = ["none", "deflate", "labelmap", "labelmap-deflate", "rle", "rle-per-segment"]
"""highdicom does not write 1-bit RLE."""


def a_segmentation_to_judge(encoding: str) -> Segmentation:
    """Return a sphere and a slab beside it; the sphere alone where each segment has a file of its own."""
    sphere = a_sphere()
    slab = np.zeros_like(sphere)
    slab[2:5, :2] = True
    names, masks, codes = ["liver", "left kidney"], [sphere, slab & ~sphere], [LIVER, LEFT_KIDNEY]
    count = 1 if PLANS[encoding].split is Split.EACH_SEGMENT else 2
    return a_segmentation(
        masks[:count], names=names[:count], terminologies=codes[:count], algorithm_type=AlgorithmType.MANUAL
    )


def build(segmentation: Segmentation, images: list[Path], encoding: str, ours: Dataset) -> Dataset:
    """Return highdicom's object for the same input, with the identity of `ours`; it writes nothing deflated."""
    plan = PLANS[encoding]
    in_order = sorted((pydicom.dcmread(path) for path in images), key=lambda image: image.ImagePositionPatient[2])
    masks = np.stack(masks_of(segmentation), axis=-1).astype(np.uint8)
    return highdicom.seg.Segmentation(
        source_images=in_order,
        pixel_array=masks,
        segmentation_type=plan.segmentation_type.value,
        segment_descriptions=[
            _description(number, segment, ours) for number, segment in enumerate(segmentation.segments, start=1)
        ],
        series_instance_uid=ours.SeriesInstanceUID,
        series_number=ours.SeriesNumber,
        series_description=ours.SeriesDescription,
        sop_instance_uid=ours.SOPInstanceUID,
        instance_number=ours.InstanceNumber,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=ours.ManufacturerModelName,
        software_versions=ours.SoftwareVersions,
        device_serial_number=PRODUCT_UID,
        content_label=ours.ContentLabel,
        transfer_syntax_uid=ExplicitVRLittleEndian if plan.is_deflated else plan.transfer_syntax,
        max_fractional_value=255,
    )


def _description(number: int, segment: Segment, ours: Dataset) -> highdicom.seg.SegmentDescription:
    codes = segment.terminology
    own_item = next(item for item in ours.SegmentSequence if item.SegmentNumber == number)
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name,
        segmented_property_category=_code(codes.category),
        segmented_property_type=_code(codes.type),
        algorithm_type=segment.algorithm_type.value,
        tracking_id=own_item.TrackingID,
        tracking_uid=own_item.TrackingUID,
        display_color=highdicom.color.CIELabColor.from_rgb(*(round(255 * x) for x in segment.color_rgb)),
    )


def _code(code: Code) -> PydicomCode:
    return PydicomCode(code.value, code.scheme, code.meaning)

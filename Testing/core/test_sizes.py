"""Files are as small as their encoding allows: measured against highdicom and against zlib."""

from __future__ import annotations

import zlib
from pathlib import Path

import highdicom
import pytest
from benchmarks.workloads import draw_layers, make_segmentation, scaled, write_series
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import RLELossless
from SegRLEExportLib.export import export

WORKLOAD = scaled("sizes", slices=40, rows=160, columns=200, layer_segments=(4,), slice_span=(0.5, 0.9))


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    write_series(WORKLOAD, folder, with_pixels=False)
    return folder


@pytest.fixture(scope="module")
def labels():
    return draw_layers(WORKLOAD)[0]


def exported(labels, series: Path, path: Path, encoding: str) -> bytes:
    export(make_segmentation(WORKLOAD, [labels]), series, path, compression=encoding)
    return path.read_bytes()


def test_rle_is_no_larger_than_highdicoms(labels, series, tmp_path):
    ours = exported(labels, series, tmp_path / "ours.dcm", "rle")
    theirs = tmp_path / "theirs.dcm"
    segmentation_of_highdicom(labels, series).save_as(theirs)

    assert len(ours) <= 1.001 * theirs.stat().st_size


def test_rle_of_the_pixels_alone_is_no_larger_than_highdicoms(labels, series, tmp_path):
    exported(labels, series, tmp_path / "ours.dcm", "rle")
    theirs = segmentation_of_highdicom(labels, series)

    assert len(dcmread(tmp_path / "ours.dcm").PixelData) <= 1.001 * len(theirs.PixelData)


@pytest.mark.parametrize("encoding", ["deflate", "labelmap-deflate"])
def test_deflate_is_within_3_percent_of_zlib_on_the_same_bytes(encoding, labels, series, tmp_path):
    written = exported(labels, series, tmp_path / "ours.dcm", encoding)
    deflated = written[start_of_dataset(written) :]
    plain = zlib.decompress(deflated, -zlib.MAX_WBITS)

    assert len(deflated) <= 1.03 * len(zlib.compress(plain, 6))


def start_of_dataset(written: bytes) -> int:
    """Return where the bytes behind the file meta information begin (PS3.10, 7.1)."""
    return 144 + int.from_bytes(written[140:144], "little")


def segmentation_of_highdicom(labels, series: Path):
    described = [
        SegmentDescription(
            segment_number=number,
            segment_label=f"Organ 0-{number}",
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
        )
        for number in range(1, WORKLOAD.segment_count + 1)
    ]
    return highdicom.seg.Segmentation(
        source_images=[dcmread(path) for path in sorted(series.iterdir())],
        pixel_array=labels,
        segmentation_type=SegmentationTypeValues.LABELMAP,
        segment_descriptions=described,
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="M",
        manufacturer_model_name="M",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=RLELossless,
    )

"""What makes an export slow shows in what it does: calls for each frame, reads for each file, bytes held.

Each bound is some way above what is counted today, so that a loop over pixels, a dataset for each frame or a second
copy of a layer is seen, and another Python version is not.
"""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from builders import a_ct_series, a_grid, a_segmentation, a_source, segments_in_one_layer
from call_counts import counted_calls
from pydicom import Dataset, dcmread
from SegRLEExportLib.export import export
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.source.series import read_series

FRAMES_OF_SEGMENTS = [
    pytest.param("none", False, 14, id="none"),
    pytest.param("none", True, 45, id="none, verified"),
    pytest.param("deflate", False, 14, id="deflate"),
    pytest.param("deflate", True, 45, id="deflate, verified"),
]
PLANES = [
    pytest.param("none", False, 320, id="none"),
    pytest.param("none", True, 500, id="none, verified"),
    pytest.param("rle", False, 420, id="rle"),
    pytest.param("rle", True, 700, id="rle, verified"),
]


@pytest.mark.parametrize(("encoding", "verify", "most_calls"), FRAMES_OF_SEGMENTS)
def test_one_more_frame_takes_few_calls(encoding, verify, most_calls, tmp_path):
    calls = {
        (planes, segments): calls_of_export(boxes(planes, segments), encoding, verify, tmp_path)
        for planes in (20, 60)
        for segments in (5, 25)
    }
    for_segments = {planes: calls[planes, 25] - calls[planes, 5] for planes in (20, 60)}

    assert (for_segments[60] - for_segments[20]) / (20 * 40) < most_calls


@pytest.mark.parametrize(("encoding", "verify", "most_calls"), PLANES)
def test_one_more_plane_takes_few_calls(encoding, verify, most_calls, tmp_path):
    few, many = (calls_of_export(boxes(planes, 1), encoding, verify, tmp_path) for planes in (40, 140))

    assert (many - few) / 100 < most_calls


@pytest.mark.parametrize("encoding", ["rle", "labelmap-deflate"])
def test_one_more_segment_of_a_label_map_takes_few_calls(encoding, tmp_path):
    few, many = (calls_of_export(boxes(10, segments), encoding, False, tmp_path) for segments in (5, 25))

    assert (many - few) / 20 < 900


@pytest.mark.parametrize("encoding", ["none", "rle"])
def test_a_layer_for_each_segment_costs_calls_for_layers_and_not_for_their_pairs(encoding, tmp_path):
    few, some, many = (calls_of_export(stairs(10, layers), encoding, True, tmp_path) for layers in (4, 24, 44))

    assert (many - some) < 1.2 * (some - few)


def test_a_plane_is_scanned_once_whatever_is_made_of_it(tmp_path):
    segmentation = boxes(30, 4)
    source = a_source(segmentation.layers[0].geometry)

    with counted_calls() as calls:
        export(segmentation, source, tmp_path, options=ExportOptions(verify=False))

    assert calls["runs_of"] == 30


@pytest.mark.parametrize("verify", [False, True], ids=["not verified", "verified"])
@pytest.mark.parametrize("encoding", ["none", "rle", "deflate"])
def test_less_is_held_than_a_tenth_of_the_labels(encoding, verify, tmp_path):
    segmentation = boxes(600, 2, rows=256, columns=512)
    source = a_source(segmentation.layers[0].geometry)
    tracemalloc.start()
    try:
        export(segmentation, source, tmp_path, options=ExportOptions(compression=encoding, verify=verify))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < segmentation.layers[0].labels_kji.nbytes / 10


class TestReadingHeaders:
    @pytest.mark.parametrize("undefined_length", [False, True], ids=["stated lengths", "undefined lengths"])
    def test_each_file_is_opened_once_and_only_one_by_pydicom(self, undefined_length, tmp_path):
        write_series_with_sequences(tmp_path, undefined_length)

        with counted_calls() as calls:
            read_series(tmp_path)

        assert calls["dcmread"] == 1
        assert sum(count for name, count in calls.items() if name.endswith("io.open>")) == 10 + 1

    def test_one_more_file_takes_few_calls(self, tmp_path):
        few, many = (calls_of_reading(tmp_path / str(planes), planes) for planes in (10, 60))

        assert (many - few) / 50 < 400


def boxes(planes: int, segments: int, rows: int = 64, columns: int = 64) -> Segmentation:
    """Return segments that each hold two rows of every plane."""
    labels = np.zeros((planes, rows, columns), dtype=np.uint8)
    for value in range(1, segments + 1):
        labels[:, 2 * value : 2 * value + 2, 8:40] = value
    return segments_in_one_layer(labels, list(range(1, segments + 1)), a_grid(labels.shape))


def stairs(planes: int, layers: int) -> Segmentation:
    """Return segments with a layer each, side by side on every plane."""
    masks = np.zeros((layers, planes, 64, 64), dtype=bool)
    for layer, mask in enumerate(masks):
        mask[:, layer, 8:40] = True
    return a_segmentation(list(masks), grid=a_grid(masks.shape[1:]))


def calls_of_export(segmentation: Segmentation, encoding: str, verify: bool, folder: Path) -> int:
    """Return the calls of an export that finds all warmed up."""
    source = a_source(segmentation.layers[0].geometry)
    options = ExportOptions(compression=encoding, verify=verify)
    export(segmentation, source, folder, options=options)
    with counted_calls() as calls:
        export(segmentation, source, folder, options=options)
    return calls.total()


def calls_of_reading(folder: Path, planes: int) -> int:
    """Return the calls of reading a new series of so many images, when all is warmed up."""
    a_ct_series(folder, a_grid((planes, 9, 7)))
    read_series(folder)
    with counted_calls() as calls:
        read_series(folder)
    return calls.total()


def write_series_with_sequences(folder: Path, undefined_length: bool) -> None:
    """Write ten images with nested sequences in front of their place."""
    a_ct_series(folder, a_grid((10, 9, 7)), ProcedureCodeSequence=[nested_item(undefined_length)])
    for path in folder.iterdir():
        image = dcmread(path)
        image["ProcedureCodeSequence"].is_undefined_length = undefined_length
        image.save_as(path)
    assert (b"\xfe\xff\xdd\xe0" in path.read_bytes()) == undefined_length


def nested_item(undefined_length: bool) -> Dataset:
    inner, outer = Dataset(), Dataset()
    inner.CodeValue = "1"
    outer.CodeValue = "2"
    outer.ReferencedSeriesSequence = [inner]
    outer["ReferencedSeriesSequence"].is_undefined_length = undefined_length
    return outer

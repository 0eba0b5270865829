"""Label values as segment numbers: right in the file, by highdicom and dcmqi; refused where a reader is wrong."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from builders import A_GRID, a_ct_series, a_segmentation, a_sphere, fixed_options, segments_in_one_layer
from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.options import Verify
from SegRLEExportLib.verification.comparison import compare

LABEL_MAPS = ("rle", "labelmap", "labelmap-deflate")


def labels_of(*values: int):
    """A row of voxels for each value, on a plane of its own."""
    labels = np.zeros(A_GRID.shape_kji, np.uint16)
    for n, value in enumerate(values, start=1):
        labels[2 * n, 3, 1 : 2 + n] = value
    return labels


@pytest.mark.parametrize("encoding", LABEL_MAPS)
@pytest.mark.parametrize("values", [(1, 2, 3), (1, 5, 9), (5, 1, 9), (2, 200), (1, 5, 300), (7, 32767)])
def test_pixels_and_numbers_are_the_label_values(tmp_path, encoding, values):
    labels = labels_of(*values)
    segmentation = segments_in_one_layer(labels, list(values))
    a_ct_series(tmp_path / "ct")

    report = export(
        segmentation,
        tmp_path / "ct",
        tmp_path / "out.dcm",
        encoding,
        options=fixed_options(keep_values=True, verify=Verify.OTHERS),
    )

    dataset = pydicom.dcmread(tmp_path / "out.dcm")
    described = {item.SegmentNumber: item.SegmentLabel for item in dataset.SegmentSequence}
    assert described == {value: f"part {value}" for value in sorted(values)}
    assert list(described) == sorted(values)
    counts = dict(zip(*(found.tolist() for found in np.unique(dataset.pixel_array, return_counts=True))))
    assert {value: counts[value] for value in values} == {value: int((labels == value).sum()) for value in values}
    assert {one.number for one in report.instances[0].segments} == set(values)
    assert compare([tmp_path / "out.dcm"], segmentation).is_equal


@pytest.mark.parametrize(
    ("segmentation", "encoding", "told"),
    [
        (
            segments_in_one_layer(labels_of(1, 5), [1, 5]),
            "none",
            "refuses segments that are not numbered from 1",
        ),
        (
            segments_in_one_layer(labels_of(1, 40000), [1, 40000]),
            "rle",
            "would read the label value 40000 as a negative",
        ),
        (segments_in_one_layer(labels_of(1, 5), [1, 3, 5]), "rle", r"are empty \(part 3\): 3D Slicer would give wrong"),
        (a_segmentation([a_sphere(), a_sphere()]), "rle", r"have the same label value \(1\), so it cannot"),
    ],
)
def test_what_a_reader_would_take_for_something_else_is_refused(tmp_path, segmentation, encoding, told):
    a_ct_series(tmp_path / "ct")

    with pytest.raises(PreflightError, match=told):
        export(segmentation, tmp_path / "ct", tmp_path / "out.dcm", encoding, options=fixed_options(keep_values=True))


def test_a_number_that_is_another_is_found_by_the_check(tmp_path, monkeypatch):
    from SegRLEExportLib.dataset import build
    from SegRLEExportLib.dataset.segments import encoded_segments
    from SegRLEExportLib.errors import VerificationError

    monkeypatch.setattr(
        build.segments,
        "encoded_segments",
        lambda segmentation, numbers, uid: encoded_segments(segmentation, {p: n + 1 for p, n in numbers.items()}, uid),
    )
    a_ct_series(tmp_path / "ct")

    with pytest.raises(VerificationError, match="Segment Number|SegmentNumber"):
        export(
            segments_in_one_layer(labels_of(1, 5), [1, 5]),
            tmp_path / "ct",
            tmp_path / "out.dcm",
            "rle",
            options=fixed_options(keep_values=True),
        )

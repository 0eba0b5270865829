"""The forecast is what the files come to, to the byte, and recommends with a reason."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from builders import A_GRID, a_segmentation, a_source, fixed_options, two_overlapping_boxes
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import CancelledError, PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.forecast import Forecast, forecast, recommend
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.preflight import survey as preflight

ALONE = [two_overlapping_boxes()[0]]
OVERLAPPING = list(two_overlapping_boxes())


@pytest.mark.parametrize("masks", [ALONE, OVERLAPPING], ids=["one", "overlapping"])
@pytest.mark.parametrize("keep_empty_frames", [False, True])
@pytest.mark.parametrize("encoding", PLANS)
def test_sizes_files_and_frames_are_those_of_the_export(encoding, masks, keep_empty_frames, tmp_path):
    segmentation, source = a_segmentation(masks), a_source()
    choices = {"keep_empty_frames": keep_empty_frames}

    (told,) = forecast(segmentation, source, fixed_options(**choices), plan_ids=[encoding])
    report = export(segmentation, source, tmp_path, encoding, options=fixed_options(**choices))

    assert told.bytes == report.bytes
    assert told.files == len(report.paths)
    assert told.frames == sum(instance.frames for instance in report.instances)


def test_every_encoding_is_told_in_the_tables_order():
    assert [told.to_json()["compression"] for told in forecast(a_segmentation(), a_source())] == list(PLANS)


def test_what_no_encoding_could_export_is_refused():
    with pytest.raises(PreflightError, match="No segment has a voxel"):
        forecast(a_segmentation([np.zeros(A_GRID.shape_kji, bool)]), a_source())


class TestFindings:
    """What an export would say, the forecast says."""

    @pytest.mark.parametrize("encoding", PLANS)
    def test_are_those_of_the_export(self, encoding, tmp_path):
        segmentation = a_segmentation([*OVERLAPPING, np.zeros(A_GRID.shape_kji, bool)])
        (told,) = forecast(segmentation, a_source(), plan_ids=[encoding])
        report = export(segmentation, a_source(), tmp_path, encoding)
        assert told.findings == report.findings
        assert "empty-segment" in {finding.id for finding in told.findings}

    def test_an_encoding_that_cannot_hold_it_is_refused_and_the_others_are_measured(self, tmp_path):
        segmentation, options = a_segmentation(ALONE), fixed_options(keep_values=True)
        told = {one.plan.id: one for one in forecast(segmentation, a_source(), options)}
        for encoding, one in told.items():
            exported = partial(export, segmentation, a_source(), tmp_path / encoding, encoding, options=options)
            if one.errors:
                with pytest.raises(PreflightError) as refused:
                    exported()
                assert tuple(one.errors) == refused.value.findings
                assert [one.to_json()[key] for key in ("refused", "bytes", "files", "frames")] == [True] + 3 * [None]
            else:
                assert one.bytes == exported().bytes
        assert told["none"].errors
        assert not told["rle"].errors

    def test_what_is_too_large_uncompressed_is_measured_compressed(self, monkeypatch):
        monkeypatch.setattr(preflight, "LARGEST_PIXEL_DATA", 10)
        told = forecast(a_segmentation(OVERLAPPING), a_source())
        assert [one.plan.id for one in told if not one.errors] == ["rle", "rle-per-segment", "rle-binary"]
        assert recommend(told).plan.id == "rle"

    def test_where_no_encoding_asked_for_is_left_the_first_says_why(self):
        options = fixed_options(keep_values=True)
        with pytest.raises(PreflightError, match="Only label maps can keep label values"):
            forecast(a_segmentation(ALONE), a_source(), options, plan_ids=["none", "deflate"])


def test_of_images_without_a_place_no_viewer_is_promised():
    told = [Forecast(plan, 100 if plan.id == "rle" else 1000, 1, 1) for plan in PLANS.values()]
    assert "3D Slicer's loader opens none" in recommend(told, has_place=False).reason


def test_it_can_be_cancelled():
    with pytest.raises(CancelledError):
        forecast(a_segmentation(), a_source(), progress=lambda *_: False)


@pytest.mark.parametrize(
    ("rle_files", "rle_bytes", "recommended", "reason"),
    [
        pytest.param(1, 100, "rle", "small, quick to open", id="small"),
        pytest.param(1, 2000, "none", "RLE saves nothing", id="no gain"),
        pytest.param(2, 100, "rle", "overlaps make it 2 files", id="two files"),
        pytest.param(4, 100, "rle", "overlaps make it 4 files", id="a few files"),
        pytest.param(5, 100, "deflate", "label maps would need 5 files", id="many files"),
    ],
)
def test_one_is_recommended_with_the_reason(rle_files, rle_bytes, recommended, reason):
    told = [Forecast(plan, 1000, 1, 1) for plan in PLANS.values()]
    told = [replace(each, bytes=rle_bytes, files=rle_files) if each.plan.id == "rle" else each for each in told]

    recommendation = recommend(told)

    assert recommendation.plan.id == recommended
    assert reason in recommendation.reason


@pytest.mark.parametrize(
    ("rle_files", "rle_bytes", "reason"),
    [
        pytest.param(1, 2000, "small, quick to open", id="large"),
        pytest.param(2, 100, "overlaps make it 2 files, and one bit a pixel is refused", id="two files"),
        pytest.param(5, 100, "overlaps make it 5 files, and one bit a pixel is refused", id="many files"),
    ],
)
def test_what_is_refused_is_not_recommended(rle_files, rle_bytes, reason):
    refused = (Finding("label-values-not-kept", Severity.ERROR, "Not kept.", help="Choose another."),)
    told = [
        Forecast(plan, rle_bytes, rle_files, 1) if plan.is_label_map else Forecast(plan, 0, 0, 0, refused)
        for plan in PLANS.values()
    ]

    recommendation = recommend(told)

    assert recommendation.plan.id == "rle"
    assert reason in recommendation.reason

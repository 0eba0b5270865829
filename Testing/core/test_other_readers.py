"""Proof by other people's programs: highdicom, and dcmqi as 3D Slicer calls it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from builders import A_GRID, LIVER, a_segmentation, a_source, a_sphere, fixed_options
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import OtherReaderDiffersError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.options import ExportOptions, Grid, Verify
from SegRLEExportLib.other_readers import proof
from SegRLEExportLib.other_readers.comparison import Wanted, WantedSegment, differences
from SegRLEExportLib.other_readers.files_seen import seen_by_others
from SegRLEExportLib.other_readers.shown import ShownSegment, ShownVolume, save_shown
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.report import SightOutcome
from SegRLEExportLib.verification.comparison import compare
from test_pairing import at_heights, copy_of, drawn_on

SEEN = [name for name in PLANS if name != "rle-binary"]


def exported(folder: Path, encoding: str = "rle", segmentation=None):
    options = ExportOptions(compression=encoding, verify=Verify.OTHERS)
    return export(segmentation or a_segmentation(), a_source(), folder, options=options)


def wanted_of(segmentation, stack: PlaneStack | None = None) -> Wanted:
    stack = stack or PlaneStack.of_geometry(A_GRID)
    counts = [
        int(np.count_nonzero(segmentation.layers[s.layer_index].labels_kji == s.layer_value))
        for s in segmentation.segments
    ]
    segments = [WantedSegment(n + 1, s.name, n, counts[n]) for n, s in enumerate(segmentation.segments)]
    return Wanted(segmentation, segments, stack, [SampledLayer(layer, stack) for layer in segmentation.layers])


def shown_of(segmentation, geometry: Geometry = A_GRID, *, numbered: bool = True) -> list[ShownVolume]:
    """Return a volume for each segment, just as they are."""
    return [
        ShownVolume(
            (segmentation.layers[s.layer_index].labels_kji == s.layer_value).astype(np.uint8) * np.uint8(n),
            geometry.kji_to_lps,
            (ShownSegment(n, s.name, n if numbered else None),),
        )
        for n, s in enumerate(segmentation.segments, start=1)
    ]


def moved(volumes: list[ShownVolume], by_lps: tuple[float, float, float]) -> list[ShownVolume]:
    shift = np.eye(4)
    shift[:3, 3] = by_lps
    return [replace(volume, kji_to_lps=shift @ volume.kji_to_lps) for volume in volumes]


class TestRightFiles:
    @pytest.mark.parametrize("encoding", SEEN)
    def test_both_programs_see_every_voxel_and_name(self, encoding, tmp_path):
        report = exported(tmp_path, encoding)
        for instance in report.instances:
            assert [(sight.reader, sight.outcome) for sight in instance.sights] == [
                ("highdicom", SightOutcome.RIGHT),
                ("3D Slicer's loader, dcmqi", SightOutcome.RIGHT),
            ]
            assert all(sight.version[0].isdigit() for sight in instance.sights)

    def test_overlapping_segments_of_one_file(self, tmp_path):
        sphere = a_sphere()
        segmentation = a_segmentation([sphere, sphere | np.roll(sphere, 1, axis=2)], names=["in", "out"])
        report = exported(tmp_path, "none", segmentation)
        assert {sight.outcome for sight in report.instances[0].sights} == {SightOutcome.RIGHT}

    def test_segments_of_one_name_and_an_empty_one(self, tmp_path):
        sphere, corner = a_sphere(), np.zeros(A_GRID.shape_kji, bool)
        corner[:2, :2, :3] = True
        masks = [np.zeros_like(corner), corner, sphere & ~corner]
        segmentation = a_segmentation(masks, names=["none", "a", "a"])
        for encoding in ("rle", "none"):
            report = exported(tmp_path / encoding, encoding, segmentation)
            assert {sight.outcome for sight in report.instances[0].sights} == {SightOutcome.RIGHT}

    def test_an_encoding_that_neither_reads_is_told_without_trying(self, tmp_path):
        report = exported(tmp_path, "rle-binary")
        assert [str(sight) for sight in report.instances[0].sights] == [
            "highdicom: cannot read (reads no 1-bit RLE)",
            "3D Slicer's loader, dcmqi: cannot read (reads no 1-bit RLE)",
        ]

    def test_the_report_says_what_was_seen(self, tmp_path):
        report = exported(tmp_path)
        assert f"opens in: highdicom {report.instances[0].sights[0].version}: right (" in str(report)
        assert json.loads(json.dumps(report.to_json()))["instances"][0]["sights"][0]["outcome"] == "right"

    def test_nobody_is_asked_by_default(self, tmp_path, monkeypatch):
        monkeypatch.setattr(proof, "_READERS", ())
        report = export(a_segmentation(), a_source(), tmp_path)
        assert report.instances[0].sights == ()
        assert report.is_verified


class TestFilesThatAreShownOtherwise:
    def test_gaps_without_their_spacing_are_not_where_slicer_places_them(self, tmp_path):
        """As version 1.0.0 wrote jittered gaps: dcmqi then takes the thickness for the distance of the planes."""
        path = export(a_segmentation(), a_source(), tmp_path / "seg.dcm", "none").paths[0]
        dataset = pydicom.dcmread(path)
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        del measures.SpacingBetweenSlices
        measures.SliceThickness = "7.0"
        dataset.save_as(path)
        _, slicer = proof.read_by_others(path, "none", wanted_of(a_segmentation()))
        assert slicer.outcome is SightOutcome.DIFFERENT
        with pytest.raises(OtherReaderDiffersError, match=r"dcmqi 1\.\S+ reads seg\.dcm differently"):
            proof.refuse_different(path, [slicer])

    def test_another_name_is_told_by_number(self, tmp_path):
        path = export(a_segmentation(), a_source(), tmp_path / "seg.dcm", "none").paths[0]
        dataset = pydicom.dcmread(path)
        dataset.SegmentSequence[1].SegmentLabel = "spleen"
        dataset.save_as(path)
        highdicom, _ = proof.read_by_others(path, "none", wanted_of(a_segmentation()))
        assert highdicom.reason == "it shows segment 2, 'left kidney', as 'spleen'"

    def test_the_export_fails_and_leaves_nothing(self, tmp_path, monkeypatch):
        wrong = shown_of(a_segmentation([a_sphere()], names=["heart"]))

        def command(_path: Path, folder: Path) -> list[str]:
            save_shown(wrong, "7", folder)
            return [sys.executable, "-c", ""]

        monkeypatch.setattr(proof, "_READERS", (proof._Reader("other", "Other", command, "other"),))
        with pytest.raises(OtherReaderDiffersError, match=r"Other 7 reads seg\.dcm differently.*as 'heart'"):
            exported(tmp_path / "seg.dcm", segmentation=a_segmentation([a_sphere()], names=["liver"]))
        assert list(tmp_path.iterdir()) == []


class TestComparison:
    def test_just_the_same_has_no_difference(self):
        segmentation = a_segmentation()
        assert differences(shown_of(segmentation), wanted_of(segmentation)) == []
        assert differences(shown_of(segmentation, numbered=False), wanted_of(segmentation)) == []

    def test_axes_that_are_counted_from_the_other_end_make_no_difference(self):
        segmentation = a_segmentation()
        turned = []
        for volume in shown_of(segmentation):
            k, j, i = volume.labels_kji.shape
            flip = np.diag([-1.0, -1.0, -1.0, 1.0])
            flip[:3, 3] = k - 1, j - 1, i - 1
            turned.append(
                replace(volume, labels_kji=volume.labels_kji[::-1, ::-1, ::-1], kji_to_lps=volume.kji_to_lps @ flip)
            )
        assert differences(turned, wanted_of(segmentation)) == []

    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_half_a_voxel_is_another_place(self, axis):
        segmentation = a_segmentation()
        step = A_GRID.kji_to_lps[:3, axis]
        found = differences(moved(shown_of(segmentation), tuple(step * 0.51)), wanted_of(segmentation))
        assert found

    def test_a_place_beyond_all_planes_is_told_in_mm(self):
        segmentation = a_segmentation([np.ones(A_GRID.shape_kji, bool)], names=["all"])
        away = moved(shown_of(segmentation), tuple(A_GRID.kji_to_lps[:3, 0] * -0.6))
        assert "mm from its place" in differences(away, wanted_of(segmentation))[0]

    def test_each_wrong_voxel_is_counted(self):
        segmentation = a_segmentation([a_sphere()], names=["liver"])
        (volume,) = shown_of(segmentation)
        labels = volume.labels_kji.copy()
        labels[np.unravel_index(np.flatnonzero(labels)[:3], labels.shape)] = 0
        found = differences([replace(volume, labels_kji=labels)], wanted_of(segmentation))
        assert found == ["3 voxels are shown as another segment, or as none"]

    def test_planes_that_are_not_shown_are_counted(self):
        segmentation = a_segmentation([a_sphere()], names=["liver"])
        (volume,) = shown_of(segmentation)
        labels = volume.labels_kji.copy()
        middle = len(labels) // 2
        lost = int(labels[middle].sum())
        labels[middle] = 0
        found = differences([replace(volume, labels_kji=labels)], wanted_of(segmentation))
        assert found == [f"{lost} voxels are not shown, as their planes are not"]

    def test_a_segment_that_is_not_shown(self):
        segmentation = a_segmentation()
        assert differences(shown_of(segmentation)[:1], wanted_of(segmentation)) == ["'left kidney' is not shown"]

    @pytest.mark.parametrize("number", [9, None])
    def test_a_segment_too_many(self, number):
        segmentation = a_segmentation([a_sphere()], names=["liver"], terminologies=[LIVER])
        (volume,) = shown_of(segmentation)
        extra = replace(volume, segments=(*volume.segments, ShownSegment(9, "tail", number)))
        assert "'tail' that is not in the segmentation" in differences([extra], wanted_of(segmentation))[0]

    def test_planes_of_another_size(self):
        segmentation = a_segmentation([a_sphere()], names=["liver"])
        (volume,) = shown_of(segmentation)
        cropped = replace(volume, labels_kji=volume.labels_kji[:, :, :-1])
        assert "its planes have" in differences([cropped], wanted_of(segmentation))[0]


class TestProgramsThatFail:
    def sight_of(self, code: str, monkeypatch, tmp_path):
        reader = proof._Reader("other", "Other", lambda _path, _folder: [sys.executable, "-c", code], "other")
        monkeypatch.setattr(proof, "_READERS", (reader,))
        (sight,) = proof.read_by_others(tmp_path / "seg.dcm", "rle", wanted_of(a_segmentation()))
        assert sight.outcome is SightOutcome.CANNOT_READ
        return sight

    def test_its_last_words_are_the_reason(self, monkeypatch, tmp_path):
        sight = self.sight_of("raise SystemExit('frames lie unevenly')", monkeypatch, tmp_path)
        assert str(sight) == "Other: cannot read (frames lie unevenly)"

    def test_a_program_that_dies_is_told(self, monkeypatch, tmp_path):
        sight = self.sight_of("import os; os.abort()", monkeypatch, tmp_path)
        assert sight.reason == "it ended with code -6"

    def test_one_that_goes_on_for_ever_is_stopped(self, monkeypatch, tmp_path):
        monkeypatch.setattr(proof, "SECONDS_AT_MOST", 0.2)
        assert self.sight_of("import time; time.sleep(60)", monkeypatch, tmp_path).reason == "it was stopped after 0 s"

    def test_one_that_is_not_installed_is_told_with_how_to_get_it(self, monkeypatch, tmp_path):
        monkeypatch.setattr(proof, "find_spec", lambda _name: None)
        monkeypatch.setattr(proof.shutil, "which", lambda *_name, **_path: None)
        sights = proof.read_by_others(tmp_path / "seg.dcm", "rle", wanted_of(a_segmentation()))
        assert [sight.outcome for sight in sights] == [SightOutcome.NOT_AT_HAND] * 2
        assert [str(sight) for sight in sights] == [
            "highdicom: not available (it is not installed here: pip install highdicom)",
            "3D Slicer's loader, dcmqi: not available (it is not installed here: pip install dcmqi)",
        ]


@pytest.mark.parametrize(("given", "meant"), [(True, Verify.OWN), (False, Verify.OFF), ("others", Verify.OTHERS)])
def test_the_option_may_be_a_word_or_as_in_version_1(given, meant):
    assert ExportOptions(verify=given).verify is meant


class TestVerifyCommand:
    def verified(self, paths, segmentation, source=None):
        return seen_by_others(compare(paths, segmentation, source), paths, segmentation, source)

    @pytest.mark.parametrize("encoding", ["rle", "none", "rle-per-segment"])
    def test_files_that_are_there_are_read_by_others_too(self, encoding, tmp_path):
        paths = export(a_segmentation(), a_source(), tmp_path, encoding).paths
        seen = self.verified(paths, a_segmentation(), a_source())
        assert seen.is_equal
        assert str(seen).count("right (") == 2 * len(paths)
        assert [one["outcome"] for one in seen.to_json()["others"]] == ["right"] * 2 * len(paths)

    def test_what_others_see_otherwise_is_a_difference(self, tmp_path):
        (path,) = export(a_segmentation(), a_source(), tmp_path / "seg.dcm", "none").paths
        dataset = pydicom.dcmread(path)
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        del measures.SpacingBetweenSlices
        measures.SliceThickness = "7.0"
        dataset.save_as(path)
        seen = self.verified([path], a_segmentation())
        assert not seen.is_equal
        assert "dcmqi 1.5" in str(seen)
        assert "shows something else" in str(seen)

    def test_a_segment_of_another_name_is_the_one_with_its_voxels(self, tmp_path):
        (path,) = export(a_segmentation(), a_source(), tmp_path / "seg.dcm", "none").paths
        renamed = replace(a_segmentation(), segments=tuple(replace(s, name="new") for s in a_segmentation().segments))
        seen = self.verified([path], renamed)
        assert seen.own.kinds == ("names",)
        assert str(seen).count("right (") == 2

    def test_own_places_beside_uneven_images_are_compared_where_they_are(self, tmp_path):
        source = at_heights(0, 3, 6, 9, 12, 18.5, 21)
        segmentation = drawn_on(copy_of(source))
        options = fixed_options(grid=Grid.SEGMENTATION)
        (path,) = export(segmentation, source, tmp_path / "seg.dcm", "none", options=options).paths
        assert str(self.verified([path], segmentation, source)).count("right (") == 2

    def test_one_bit_rle_is_not_given_to_those_who_cannot_read_it(self, tmp_path):
        paths = export(a_segmentation(), a_source(), tmp_path, "rle-binary").paths
        assert str(self.verified(paths, a_segmentation())).count("reads no 1-bit RLE") == 2

"""`segrle verify`: what differs is told by its kind, what does not is equal, and what was not compared is listed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from builders import A_GRID, LIVER, a_grid, a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.export import export
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import AlgorithmType, Layer, Segment, Segmentation
from SegRLEExportLib.options import Grid
from SegRLEExportLib.verification.comparison import compare

every_encoding = pytest.mark.parametrize("encoding", PLANS)


def a_pair() -> Segmentation:
    one = two_overlapping_boxes()[0]
    return a_segmentation([one, a_sphere() & ~one], names=["one", "other"])


def a_label_map(pair: Segmentation) -> Segmentation:
    """The same voxels as a reader of label maps gives them: without names and codes."""
    labels = np.zeros(A_GRID.shape_kji, np.uint8)
    for value, layer in enumerate(pair.layers, start=1):
        labels[layer.labels_kji > 0] = value
    segments = tuple(
        Segment(f"Label_{value}", f"Label {value}", 0, value, algorithm_type=AlgorithmType.MANUAL) for value in (1, 2)
    )
    return Segmentation("labels", (Layer(labels, A_GRID),), segments)


@pytest.fixture
def written(tmp_path):
    """What an export of the pair writes in an encoding, changed by `change`."""

    def write(encoding="none", change=None, segmentation=None, source=None, **options):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        paths = export(
            segmentation or a_pair(), source or a_source(), folder, encoding, options=fixed_options(**options)
        ).paths
        for path in paths if change else ():
            dataset = pydicom.dcmread(path)
            change(dataset)
            dataset.save_as(path)
        return paths

    return write


def an_uneven_series_and_a_copy():
    """Images that lie 1 mm, then 3 mm apart, and a segmentation on the even grid that ITK makes of them."""
    source = a_source()
    stack = source.stack
    heights = np.cumsum([0.0, *np.where(np.arange(1, len(stack)) < 5, 1.0, 3.0)])
    positions = stack.positions_lps[0] + np.outer(heights, stack.normal_lps)
    to_lps = np.eye(4)
    to_lps[:3, 0] = stack.normal_lps * heights[-1] / (len(stack) - 1)
    to_lps[:3, 1] = stack.column_direction_lps * stack.pixel_spacing_mm[0]
    to_lps[:3, 2] = stack.row_direction_lps * stack.pixel_spacing_mm[1]
    to_lps[:3, 3] = positions[0]
    uneven = replace(source, stack=replace(stack, positions_lps=positions))
    return uneven, a_segmentation(grid=Geometry((len(stack), stack.rows, stack.columns), to_lps))


def groups(dataset):
    return dataset.PerFrameFunctionalGroupsSequence


def sources(dataset):
    return [group.DerivationImageSequence[0].SourceImageSequence[0] for group in groups(dataset)]


def sources_reversed(dataset):
    uids = [source.ReferencedSOPInstanceUID for source in sources(dataset)]
    for source, uid in zip(sources(dataset), reversed(uids)):
        source.ReferencedSOPInstanceUID = uid


def sources_999(dataset):
    for source in sources(dataset):
        source.ReferencedSOPInstanceUID = "9.9.9"


def values(**attributes):
    def change(dataset):
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)

    return change


def every_code_brain(dataset):
    for item in dataset.SegmentSequence:
        item.SegmentedPropertyTypeCodeSequence[0].CodeValue = "12738006"


def measures(dataset):
    return dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


def wide_pixels(dataset):
    measures(dataset).PixelSpacing = [float(mm) * 1.015 for mm in measures(dataset).PixelSpacing]


def thick_slices(dataset):
    measures(dataset).SliceThickness = 30


def own_orientation(dataset):
    orientation = pydicom.Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    groups(dataset)[-1].PlaneOrientationSequence = [orientation]


def numbers_exchanged(dataset):
    for item in dataset.SegmentSequence:
        item.SegmentNumber = 3 - item.SegmentNumber
    for group in groups(dataset):
        identification = group.SegmentIdentificationSequence[0]
        identification.ReferencedSegmentNumber = 3 - identification.ReferencedSegmentNumber


def only_described_exchanged(dataset):
    one, other = dataset.SegmentSequence
    one.SegmentLabel, other.SegmentLabel = other.SegmentLabel, one.SegmentLabel


def undescribed(dataset):
    del dataset.SegmentSequence[1]


def renamed(dataset):
    dataset.SegmentSequence[0].SegmentLabel = "something else"


def shifted(mm):
    def change(dataset):
        for group in groups(dataset):
            position = group.PlanePositionSequence[0]
            x, y, z = position.ImagePositionPatient
            position.ImagePositionPatient = [x, y + mm, z]

    return change


WITH_SERIES = [
    pytest.param(sources_reversed, "references", id="source images reversed"),
    pytest.param(sources_999, "references", id="source images 9.9.9"),
    pytest.param(values(FrameOfReferenceUID="1.2.3"), "patient and study", id="frame of reference"),
    pytest.param(values(StudyInstanceUID="1.2.3"), "patient and study", id="study"),
    pytest.param(values(PatientName="Other^One"), "patient and study", id="patient"),
    pytest.param(shifted(0.4), "places", id="half a pixel off"),
    pytest.param(shifted(0.001), "places", id="more than a thousandth of a pixel off"),
    pytest.param(thick_slices, "places", id="slice thickness"),
]
WITHOUT = [
    pytest.param(every_code_brain, "codes", id="every code Brain"),
    pytest.param(wide_pixels, "places", id="pixel spacing"),
    pytest.param(own_orientation, "places", id="orientation of a frame"),
    pytest.param(numbers_exchanged, "numbers", id="numbers exchanged"),
    pytest.param(only_described_exchanged, "names", id="names exchanged"),
    pytest.param(undescribed, "voxels", id="a segment not described"),
    pytest.param(renamed, "names", id="renamed"),
    pytest.param(shifted(0.4), "places", id="half a pixel off"),
    pytest.param(values(BitsStored=8), "form", id="bits stored"),
]


@pytest.mark.parametrize(("change", "kind"), [*WITH_SERIES, *WITHOUT])
def test_with_the_series_a_difference_is_told_by_its_kind(change, kind, written):
    outcome = compare(written(change=change), a_pair(), a_source())

    assert not outcome.is_equal
    assert kind in outcome.kinds, str(outcome)
    assert str(outcome).startswith("DIFFERENT in ")


@pytest.mark.parametrize(
    ("charset", "name", "others"),
    [("ISO_IR 192", "Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小西"), ("ISO_IR 100", "Müller^Jörg", "Möller^Jörg")],
)
def test_a_patient_of_another_name_is_told_in_any_letters(charset, name, others, written):
    mine, theirs = a_source(), a_source()
    for source, patient in ((mine, name), (theirs, others)):
        source.header.SpecificCharacterSet = charset
        source.header.PatientName = patient

    paths = written(source=mine)

    assert compare(paths, a_pair(), mine).is_equal
    outcome = compare(paths, a_pair(), theirs)
    assert outcome.kinds == ("patient and study",), str(outcome)


@pytest.mark.parametrize(("change", "kind"), WITHOUT)
def test_without_the_series_what_needs_none_is_told(change, kind, written):
    outcome = compare(written(change=change), a_pair())

    assert kind in outcome.kinds, str(outcome)


@every_encoding
@pytest.mark.parametrize("has_series", [False, True], ids=["without series", "with series"])
@pytest.mark.parametrize("grid", list(Grid))
def test_our_files_are_equal_whatever_their_grid(grid, has_series, encoding, written):
    outcome = compare(written(encoding, grid=grid), a_pair(), a_source() if has_series else None)

    assert outcome.is_equal, str(outcome)
    assert ("no series was given" in str(outcome)) != has_series
    assert "not compared: " in str(outcome)


@every_encoding
def test_a_label_map_of_the_same_voxels_is_equal_and_its_names_are_not_compared(encoding, written):
    pair = a_pair()
    outcome = compare(written(encoding, segmentation=pair), a_label_map(pair), a_source())

    assert outcome.is_equal, str(outcome)
    assert all(segment.equal for segment in outcome.segments)
    assert any("have none, as in a label map" in what for what in outcome.not_compared)


def test_equal_voxels_under_other_names_are_told_apart(written):
    pair = a_pair()
    named = replace(pair, segments=tuple(replace(one, name=f"my {one.name}") for one in pair.segments))

    outcome = compare(written(), named, a_source())

    assert outcome.kinds == ("names",)
    assert outcome.are_voxels_equal
    assert "every voxel is equal" in str(outcome)


def test_frames_on_the_segmentations_own_grid_are_a_remark(written):
    """Twice as many planes as images, and between them."""
    grid = a_grid((9, 9, 7))
    to_lps = grid.kji_to_lps.copy()
    to_lps[2, 3] += 1.5
    fine = replace(grid, kji_to_lps=to_lps)
    mask = np.zeros(fine.shape_kji, bool)
    mask[2:5, 2:5, 2:5] = True
    between = a_segmentation([mask], grid=fine, terminologies=[LIVER])

    outcome = compare(written(segmentation=between, grid=Grid.SEGMENTATION), between, a_source())

    assert outcome.is_equal, str(outcome)
    assert "lie on the segmentation's own grid, and not on the images" in outcome.remarks[0]


@pytest.mark.parametrize("factors", [(1, 2, 2), (2, 1, 1), (1, 1.5, 1.5)], ids=str)
@pytest.mark.parametrize("encoding", ["none", "rle", "rle-per-segment"])
def test_a_coarser_grid_is_counted_in_pixels(factors, encoding, written):
    """They were more than the voxels, of which then a negative number was missing."""
    grid = a_grid()
    shape = tuple(int((n - 1) / f) + 1 for n, f in zip(grid.shape_kji, factors))
    coarse = Geometry(shape, grid.kji_to_lps @ np.diag([*factors, 1.0]))
    masks = np.zeros((2, *shape), bool)
    masks[0, 1, 1:3, 1:3] = masks[1, 2, 2:4, 2] = True
    pair = a_segmentation(list(masks), grid=coarse, names=["one", "other"], terminologies=[LIVER, LIVER])
    paths = written(encoding, segmentation=pair)

    outcome = compare(paths, pair, a_source())

    assert outcome.is_equal, str(outcome)
    assert str(outcome).startswith("equal: compared in world space, each pixel with the nearest voxel")
    assert "whose grid is another (pixels are counted), as those of the images do" in str(outcome)
    moved = [np.roll(mask, 1, axis=2) for mask in masks]
    wrong = compare(paths, a_segmentation(moved, grid=coarse, names=["one", "other"]), a_source())
    assert all(one.only_in_file > 0 and one.only_in_segmentation > 0 for one in wrong.segments)


@pytest.mark.parametrize("factor", [1, 2])
def test_a_segment_that_was_left_out_whole_is_numbered_last_and_told(factor, written):
    grid = a_grid()
    to_lps = grid.kji_to_lps @ np.diag([factor, 1, 1, 1.0])
    to_lps[:3, 3] -= 2 * to_lps[:3, 0]
    masks = np.zeros((2, *grid.shape_kji), bool)
    masks[0, 0, 2:4, 2:4] = masks[1, 3, 2:4, 2:4] = True
    own = Geometry(grid.shape_kji, to_lps)
    pair = a_segmentation(list(masks), grid=own, names=["beyond", "there"], terminologies=[LIVER, LIVER])

    outcome = compare(written(segmentation=pair, clip=True), pair, a_source())

    assert outcome.kinds == (("voxels",) if factor == 1 else ())
    assert "4 voxels of 'beyond' lie beyond the images or where one is missing" in str(outcome)


def test_an_empty_segment_without_a_file_is_a_remark(written):
    one = two_overlapping_boxes()[0]
    pair = a_segmentation([one, one & False], names=["one", "empty"])

    outcome = compare(written("rle-per-segment", segmentation=pair), pair, a_source())

    assert outcome.is_equal, str(outcome)
    assert outcome.remarks == ("the segment 'empty' has no voxels, and no file",)


@every_encoding
def test_an_empty_segment_that_is_described_is_equal(encoding, written):
    one = two_overlapping_boxes()[0]
    three = a_segmentation([one, one & False, a_sphere() & ~one], names=["one", "empty", "other"])

    assert compare(written(encoding, segmentation=three), three, a_source()).is_equal


def test_shares_of_a_segment_are_different(written):
    def change(dataset):
        pixels = dataset.pixel_array
        stored = np.where(pixels > 0, 153, 0).astype(np.uint8).tobytes()
        dataset.PixelData = stored + b"\0" * (len(stored) % 2)
        dataset["PixelData"].is_undefined_length = False
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian

    outcome = compare(written("rle-per-segment", change), a_pair(), a_source())

    assert "voxels" in outcome.kinds
    assert "hold parts of a segment" in str(outcome)


def test_segments_that_share_a_name_find_their_partners_by_voxels(written):
    pair = a_pair()
    same = replace(pair, segments=tuple(replace(one, name="same") for one in pair.segments))
    turned = replace(same, segments=same.segments[::-1])

    assert compare(written(segmentation=same), same, a_source()).is_equal
    assert compare(written(segmentation=same), turned, a_source()).are_voxels_equal


def test_blank_names_are_no_difference(written):
    pair = a_pair()
    blank = replace(pair, segments=tuple(replace(one, name=" ") for one in pair.segments))

    assert compare(written(segmentation=blank), blank, a_source()).is_equal


def test_of_foreign_files_what_any_seg_says_is_compared(written):
    def foreign(dataset):
        dataset.Manufacturer = dataset.ManufacturerModelName = dataset.DeviceSerialNumber = "Somebody"
        dataset.ContentLabel = "OTHER"
        for item in dataset.SegmentSequence:
            item.RecommendedDisplayCIELabValue = [1, 2, 3]

    def foreign_and_wrong(dataset):
        foreign(dataset)
        sources_reversed(dataset)
        dataset.PatientID = "P-2"
        every_code_brain(dataset)

    assert compare(written(change=foreign), a_pair(), a_source()).is_equal
    kinds = compare(written(change=foreign_and_wrong), a_pair(), a_source()).kinds
    assert set(kinds) == {"references", "patient and study", "codes"}


def test_what_many_frames_have_wrong_is_told_once_with_their_count(written):
    (path,) = written(change=sources_999)

    outcome = compare([path], a_pair(), a_source())

    (line,) = [line for line in str(outcome).splitlines() if "Derivation Image" in line]
    assert line.startswith(f"  references: {path.name}: frame 1: Derivation Image Sequence, Source Image Sequence, Ref")
    assert line.endswith(
        "and should be '1.2.826.0.1.3680043.8.498.2.2'. The same applies to 6 more (frame 2, frame 3, frame 4, ...)"
    )
    assert sum("Derivation" in one["what"] for one in outcome.to_json()["differences"]) == 7


def test_a_value_that_is_empty_is_called_so(written):
    outcome = compare(written(change=values(PatientID="")), a_pair(), a_source(PatientID="P"))

    assert "Patient ID is empty, and should be 'P'" in str(outcome)


def test_who_differs_in_what_segments_say_is_told_to_say_it_again(written):
    pair = a_pair()
    named = replace(pair, segments=tuple(replace(one, algorithm_name="net") for one in pair.segments))

    outcome = compare(written(segmentation=named), pair, a_source())

    assert outcome.kinds == ("segments",)
    assert outcome.remarks == (Remedy.TELL_AGAIN,)
    assert "'one': Segment Algorithm Name is 'net', and should be 'unknown'. The same applies to 1 more" in str(outcome)
    assert compare(written(segmentation=named), named, a_source()).remarks == ()


def test_the_outcome_is_told_to_programs_too(written):
    told = compare(written(change=renamed), a_pair(), a_source()).to_json()

    assert told["equal"] is False
    assert told["different_in"] == ["names"]
    assert told["differences"][0]["kind"] == "names"
    assert told["segments"][0]["name"] == "one"
    assert told["not_compared"]


@pytest.mark.parametrize("has_series", [False, True], ids=["without series", "with series"])
def test_what_is_drawn_on_lossy_images_says_that_they_are(has_series, written):
    lossy = a_source(
        LossyImageCompression="01", LossyImageCompressionRatio=["12.5", "3"], LossyImageCompressionMethod="ISO_10918_1"
    )

    (path,) = written(source=lossy)

    dataset = pydicom.dcmread(path)
    assert dataset.LossyImageCompression == "01"
    assert [str(ratio) for ratio in dataset.LossyImageCompressionRatio] == ["12.5", "3"]
    assert dataset.LossyImageCompressionMethod == "ISO_10918_1"
    assert compare([path], a_pair(), lossy if has_series else None).is_equal
    assert compare([path], a_pair(), a_source()).kinds == ("form",)


def test_our_file_that_an_archive_stored_anew_is_equal(written):
    def stored_anew(dataset):
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        dataset.file_meta.ImplementationClassUID = "1.2.3"

    outcome = compare(written(change=stored_anew), a_pair(), a_source())

    assert outcome.is_equal, str(outcome)
    assert "stored anew by another program" in outcome.remarks[0]


def test_voxels_that_the_images_do_not_have_say_why_they_differ(written):
    """The segmentation reaches a slice and a column beyond its images."""
    grid = A_GRID.cropped((-1, 0, 0), tuple(np.add(A_GRID.shape_kji, (1, 0, 1))))
    mask = np.zeros(grid.shape_kji, bool)
    mask[:4, 2:5, 3:] = True
    wide = a_segmentation([mask], names=["wide"], grid=grid)
    beyond = int(mask[0].sum() + mask[1:, :, -1].sum())
    paths = written(segmentation=wide, clip=True)

    outcome = compare(paths, wide, a_source())

    assert outcome.segments[0].only_in_segmentation == beyond
    assert f"{beyond} voxels of 'wide' lie beyond the images or where one is missing" in str(outcome)
    assert "give the series" in str(compare(paths, wide))


def test_an_even_copy_of_uneven_images_says_that_the_images_are_needed(written):
    images, copy = an_uneven_series_and_a_copy()
    paths = written(segmentation=copy, source=images)

    assert compare(paths, copy, images).is_equal
    assert "slices were drawn on an evenly spaced copy of them: give the series" in str(compare(paths, copy))


def test_an_image_that_is_missing_is_told_and_is_no_grid_of_its_own(written):
    source = a_source()
    fewer = replace(
        source,
        frames=source.frames[1:],
        stack=replace(source.stack, positions_lps=source.stack.positions_lps[1:]),
        findings=(Finding("unreadable-file", Severity.WARNING, "It could not be read.", "1.dcm", "Copy it."),),
    )

    outcome = compare(written(keep_empty_frames=True), a_pair(), fewer)

    assert f"of the {len(source.frames)} planes of " in outcome.remarks[0]
    assert outcome.remarks[0].endswith(" 1 lies on no image of the series")
    assert "1.dcm: It could not be read. Copy it." in outcome.remarks


def test_one_file_of_two_is_told(written):
    paths = written("rle-per-segment")

    told = f"{paths[0].name}: This is file 1 of 2 of an export: the segments of the other file are missing."
    assert f"{told} Give all its files, or their folder." in compare(paths[:1], a_pair()).remarks
    assert not any("of an export" in remark for remark in compare(paths, a_pair()).remarks)


def test_images_of_several_patients_are_told(written):
    finding = Finding("several-patients", Severity.ERROR, "The images disagree about their patient: 'A', 'B'.")
    outcome = compare(written(), a_pair(), replace(a_source(), findings=(finding,)))

    assert "no export of this series is possible: The images disagree about their patient: 'A', 'B'." in str(outcome)

"""Sabotage: a file that was changed behind the writer's back is told apart and never gets its name."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import read_by_others
from builders import A_GRID, a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pack_bits
from SegRLEExportLib.encoding import rle
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import VerificationError
from SegRLEExportLib.export import export
from SegRLEExportLib.planes.runs import RunFinder
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.preflight import survey as preflight
from SegRLEExportLib.verification import check as verification
from SegRLEExportLib.verification.check import Check, cross_checked_frames
from SegRLEExportLib.verification.expected_source import doubtful, expected_source

every_encoding = pytest.mark.parametrize("encoding", PLANS)


def a_small_segmentation():
    box = two_overlapping_boxes()[0]
    return a_segmentation([a_sphere(), box & ~a_sphere()], names=["sphere", "rest of a box"])


def exported_with(sabotage, encoding, folder, monkeypatch):
    """Export, with `sabotage` done to the first file between writing and verification."""
    untouched = [True]
    verify = Check.verify

    def verify_after_sabotage(check, path, *others):
        if untouched.pop() if untouched else False:
            sabotage(path)
        return verify(check, path, *others)

    monkeypatch.setattr(Check, "verify", verify_after_sabotage)
    try:
        return export(a_small_segmentation(), a_source(), folder, encoding, options=fixed_options())
    finally:
        monkeypatch.setattr(Check, "verify", verify)


def on_dataset(change):
    """Return the sabotage that changes the dataset by pydicom."""

    def sabotage(path: Path) -> None:
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)

    return sabotage


def on_pixels(change):
    """Return the sabotage that changes the pixels, (frames, rows, columns), and codes them again."""

    def change_dataset(dataset: Dataset) -> None:
        pixels = change(read_by_others.stored_pixels(dataset).copy())
        if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            dataset.PixelData = encapsulate([rle.encode_runs(RunFinder().runs_of(frame)) for frame in pixels])
        else:
            dataset.PixelData = pack_bits(pixels) if dataset.BitsAllocated == 1 else padded(pixels.tobytes())

    return on_dataset(change_dataset)


def on_bytes(change):
    """Return the sabotage that changes the bytes of the file."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def padded(value: bytes) -> bytes:
    return value + b"\0" * (len(value) % 2)


def flip_one_pixel(pixels):
    frame, row, column = np.argwhere(pixels)[-1]
    pixels[frame, row, column] = 0
    return pixels


def add_one_pixel(pixels):
    pixels[0, -1, -1] = pixels.max()
    return pixels


def swap_two_frames(pixels):
    pixels[[0, 2]] = pixels[[2, 0]]
    return pixels


def shift(pixels):
    return np.roll(pixels, 1, axis=2)


def frame_groups(dataset):
    return dataset.PerFrameFunctionalGroupsSequence


def move_a_frame(dataset):
    x, y, z = frame_groups(dataset)[1].PlanePositionSequence[0].ImagePositionPatient
    frame_groups(dataset)[1].PlanePositionSequence[0].ImagePositionPatient = [x + 0.7, y, z]


def move_all_frames(dataset):
    for group in frame_groups(dataset):
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [x, y + 0.8, z]


def refer_to_another_image(dataset):
    image = frame_groups(dataset)[1].DerivationImageSequence[0].SourceImageSequence[0]
    image.ReferencedSOPInstanceUID += "1"


def refer_to_another_class(dataset):
    image = frame_groups(dataset)[1].DerivationImageSequence[0].SourceImageSequence[0]
    image.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"


def refer_to_a_frame_of_the_image(dataset):
    frame_groups(dataset)[1].DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber = 2


def rename_a_segment(dataset):
    dataset.SegmentSequence[-1].SegmentLabel = "something else"


def code_a_segment_otherwise(dataset):
    dataset.SegmentSequence[-1].SegmentedPropertyTypeCodeSequence[0].CodeValue = "1"


def drop_a_frame_of_pixels(dataset):
    dataset.NumberOfFrames -= 1
    del dataset.PerFrameFunctionalGroupsSequence[-1]


def drop_a_frame_group(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[-1]


def double_a_frame_group(dataset):
    dataset.PerFrameFunctionalGroupsSequence.append(frame_groups(dataset)[0])


def turn_a_row_round(dataset):
    orientation = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]


def widen_pixels(dataset):
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [1.6, 0.7]


def forget_the_patient(dataset):
    dataset.PatientID = "P-2"


def claim_another_class(dataset):
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"


def disorder_the_dimension_indices(dataset):
    content = [group.FrameContentSequence[0] for group in frame_groups(dataset)[:2]]
    content[0].DimensionIndexValues, content[1].DimensionIndexValues = (
        content[1].DimensionIndexValues,
        content[0].DimensionIndexValues,
    )


SABOTAGES = [
    pytest.param(on_pixels(flip_one_pixel), "1 pixels of segment", id="a pixel lost"),
    pytest.param(on_pixels(add_one_pixel), "1 pixels of segment", id="a pixel added"),
    pytest.param(on_pixels(swap_two_frames), "pixels of segment", id="two frames swapped"),
    pytest.param(on_pixels(shift), "pixels of segment", id="shifted by a column"),
    pytest.param(on_dataset(move_a_frame), "the place of frame 2 is that of no plane", id="a frame moved"),
    pytest.param(on_dataset(move_all_frames), "the place of frame 1 is that of no plane", id="all frames moved"),
    pytest.param(
        on_dataset(refer_to_another_image),
        "frame 2, Derivation Image Sequence, Source Image Sequence, Referenced SOP Instance UID",
        id="another source image",
    ),
    pytest.param(
        on_dataset(refer_to_another_class), "Source Image Sequence, Referenced SOP Class UID", id="another source class"
    ),
    pytest.param(
        on_dataset(refer_to_a_frame_of_the_image),
        "frame 2, Derivation Image Sequence, Source Image Sequence, Referenced Frame Number",
        id="another source frame",
    ),
    pytest.param(
        on_dataset(rename_a_segment), "Segment Label is 'something else', and should be '", id="a segment renamed"
    ),
    pytest.param(
        on_dataset(code_a_segment_otherwise),
        "Property Type Code Sequence, Code Value is '1', and should be",
        id="a code changed",
    ),
    pytest.param(on_dataset(drop_a_frame_of_pixels), " frames", id="a frame dropped"),
    pytest.param(
        on_dataset(drop_a_frame_group), "Per-Frame Functional Groups Sequence has", id="a frame group dropped"
    ),
    pytest.param(
        on_dataset(double_a_frame_group), "Per-Frame Functional Groups Sequence has", id="a frame group doubled"
    ),
    pytest.param(
        on_dataset(turn_a_row_round), "Plane Orientation Sequence, Image Orientation (Patient)", id="rows turned round"
    ),
    pytest.param(on_dataset(widen_pixels), "Pixel Measures Sequence, Pixel Spacing", id="pixels widened"),
    pytest.param(on_dataset(forget_the_patient), "Patient ID is 'P-2', and should be 'P-1'", id="another patient"),
    pytest.param(on_dataset(claim_another_class), "SOP Class UID", id="another class"),
    pytest.param(on_dataset(disorder_the_dimension_indices), "dimension indices", id="dimension indices disordered"),
    pytest.param(on_bytes(lambda data: data[:-30]), "", id="30 bytes cut off"),
    pytest.param(on_bytes(lambda data: data[: len(data) // 2]), "", id="cut in half"),
    pytest.param(on_bytes(lambda data: data[:200]), "", id="cut in the file's meta"),
    pytest.param(on_bytes(lambda data: data + b"\1\1"), "", id="2 bytes added"),
]


@every_encoding
@pytest.mark.parametrize(("sabotage", "text"), SABOTAGES)
def test_a_changed_file_is_told_and_removed(sabotage, text, encoding, tmp_path, monkeypatch):
    with pytest.raises(VerificationError) as told:
        exported_with(sabotage, encoding, tmp_path / "new", monkeypatch)

    assert text in str(told.value)
    assert "was read back and differs from the segmentation, so it was removed" in str(told.value)
    assert ".part" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["rle", "rle-per-segment", "rle-binary"])
def test_a_wrong_offset_is_told(encoding, tmp_path, monkeypatch):
    def spoil_the_second_offset(data):
        table = data.rindex(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12 + 8
        assert struct.unpack_from("<I", data, table) == (0,)
        return data[: table + 4] + struct.pack("<I", 2) + data[table + 8 :]

    with pytest.raises(VerificationError, match=r"frame 2 begins at \d+, its offset says 2"):
        exported_with(on_bytes(spoil_the_second_offset), encoding, tmp_path, monkeypatch)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["none", "deflate", "rle-per-segment", "rle-binary"])
def test_a_frame_under_the_wrong_segment_is_told(encoding, tmp_path, monkeypatch):
    def renumber(dataset):
        frame_groups(dataset)[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 7

    with pytest.raises(VerificationError, match="frame 1 is of segment 7, which is not described"):
        exported_with(on_dataset(renumber), encoding, tmp_path, monkeypatch)

    assert list(tmp_path.iterdir()) == []


def test_bits_behind_the_last_frame_are_told(tmp_path, monkeypatch):
    def set_the_last_bit(data):
        return data[:-2] + bytes([data[-2] | 0x80]) + data[-1:]

    with pytest.raises(VerificationError, match="bits are set behind the last frame"):
        exported_with(on_bytes(set_the_last_bit), "none", tmp_path, monkeypatch)


@every_encoding
def test_a_flipped_bit_anywhere_is_told_or_does_no_harm(encoding, tmp_path, monkeypatch):
    expected = as_sets(
        read_by_others.by_pydicom(export(a_small_segmentation(), a_source(), tmp_path / "good", encoding).paths[0])
    )
    size = exported_with(lambda _: None, encoding, tmp_path / "size", monkeypatch).instances[0].bytes
    told = 0
    for position in range(132, size, max(1, size // 40)):

        def flip(data, position=position):
            return data[:position] + bytes([data[position] ^ 1 << position % 8]) + data[position + 1 :]

        folder = tmp_path / str(position)
        try:
            report = exported_with(on_bytes(flip), encoding, folder, monkeypatch)
        except VerificationError:
            told += 1
            assert not folder.exists()
        else:
            note = f"byte {position} of {size}"
            assert as_sets(read_by_others.by_pydicom(report.paths[0])) == expected, note
    assert told


def as_sets(segments):
    return {label: {tuple(place) for place in places} for label, places in segments.items()}


@every_encoding
def test_a_fault_of_the_sampling_that_writer_and_verification_share_is_told(encoding, tmp_path, monkeypatch):
    """Then the file holds what the layer seems to hold; only bare arithmetic finds that it is at the wrong place."""
    corner = np.zeros(A_GRID.shape_kji, bool)
    corner[2:5, :2, :2] = True
    right = SampledLayer.slab

    def mirrored(layer, first_plane, plane_count):
        slab = right(layer, first_plane, plane_count)
        return None if slab is None else replace(slab, labels=slab.labels[..., ::-1])

    monkeypatch.setattr(SampledLayer, "slab", mirrored)

    with pytest.raises(VerificationError, match="'corner' is at .* in the file and not in the segmentation"):
        export(a_segmentation([corner], names=["corner"]), a_source(), tmp_path, encoding)

    assert list(tmp_path.iterdir()) == []


@every_encoding
@pytest.mark.parametrize("lost", [0, 3], ids=["the first plane", "a plane in the middle"])
def test_a_plane_that_the_writer_overlooked_is_told(lost, encoding, tmp_path, monkeypatch):
    """Index and frame groups then agree with each other; the voxels are still there to be counted."""
    right = preflight.index_frames

    def overlooking(*arguments):
        index = right(*arguments)
        index.voxels[:, np.flatnonzero(index.voxels.any(axis=0))[lost]] = 0
        return index

    monkeypatch.setattr(preflight, "index_frames", overlooking)

    with pytest.raises(VerificationError, match="there are voxels for which the file has no frame"):
        export(a_segmentation([a_sphere()]), a_source(), tmp_path, encoding)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["none", "rle-binary"])
def test_a_frame_of_one_segment_that_the_writer_overlooked_is_told(encoding, tmp_path, monkeypatch):
    right = preflight.index_frames

    def overlooking(*arguments):
        index = right(*arguments)
        index.voxels[1, 2] = 0
        return index

    monkeypatch.setattr(preflight, "index_frames", overlooking)

    with pytest.raises(VerificationError, match="there are voxels for which the file has no frame"):
        export(a_small_segmentation(), a_source(), tmp_path, encoding)


class TestCrossCheck:
    """pydicom decodes frames of its own choice of code; where it sees something else, the file is refused."""

    @pytest.mark.parametrize("encoding", ["rle", "rle-per-segment"])
    def test_tells_a_frame_that_pydicom_decodes_otherwise(self, encoding, tmp_path, monkeypatch):
        right = verification.iter_pixels

        def otherwise(path, **options):
            for pixels in right(path, **options):
                pixels = pixels.copy()
                pixels[0, 0] += 1
                yield pixels

        monkeypatch.setattr(verification, "iter_pixels", otherwise)

        with pytest.raises(VerificationError, match="1 pixels of frame 1 differ as pydicom decodes it"):
            export(a_small_segmentation(), a_source(), tmp_path, encoding)

        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("frames", "checked"),
        [
            pytest.param(0, [], id="none"),
            pytest.param(1, [0], id="one"),
            pytest.param(16, list(range(16)), id="as many as are checked"),
        ],
    )
    def test_is_of_every_frame_of_a_small_file(self, frames, checked):
        assert cross_checked_frames(frames) == checked

    @pytest.mark.parametrize(("frames", "count"), [(17, 16), (256, 16), (289, 19), (5000, 313)])
    def test_is_of_every_sixteenth_frame_from_first_to_last_of_a_large_file(self, frames, count):
        checked = cross_checked_frames(frames)

        assert len(set(checked)) == len(checked) == count
        assert (checked[0], checked[-1]) == (0, frames - 1)
        assert max(np.diff(checked)) <= 17

    def test_of_a_part_is_said_in_the_report(self, tmp_path, monkeypatch):
        monkeypatch.setattr(verification, "CROSS_CHECKED_AT_LEAST", 2)

        report = export(a_small_segmentation(), a_source(), tmp_path, "rle")

        frames = report.instances[0].frames
        assert f"by SegRLEExport's second decoder, 2 of {frames} frames also by pydicom" in str(report)


def test_a_good_file_is_verified_voxel_by_voxel(tmp_path):
    report = export(a_small_segmentation(), a_source(), tmp_path, "rle")

    verified = report.instances[0].verification
    assert verified.voxels == sum(segment.voxels for segment in report.instances[0].segments)
    assert verified.frames == report.instances[0].frames
    assert verified.reader == f"SegRLEExport's second decoder, all frames also by pydicom {pydicom.__version__}"


@pytest.mark.parametrize(
    ("encoding", "reader"),
    [("none", "numpy"), ("deflate", "zlib and numpy"), ("rle-binary", "SegRLEExport's second decoder alone")],
)
def test_the_reader_is_named(encoding, reader, tmp_path):
    assert reader in export(a_small_segmentation(), a_source(), tmp_path, encoding).instances[0].verification.reader


def test_many_differences_are_counted_and_ten_are_shown():
    error = VerificationError(Path(".seg.dcm.0123456789abcdef.part"), [f"difference {n}" for n in range(12)])

    assert str(error).count("difference ") == 10
    assert "and 2 more" in str(error)
    assert len(error.differences) == 12


@pytest.mark.parametrize(("sex", "is_told"), [("M", False), ("O", False), ("female", True), ("UNKNOWN", True)])
def test_a_sex_that_cannot_be_may_be_written_otherwise_and_any_other_may_not(sex, is_told):
    source = a_source()
    source.header["PatientSex"] = pydicom.DataElement("PatientSex", "CS", sex, validation_mode=0)
    told = doubtful(source.header)
    assert ("PatientSex" in told) is is_told
    assert expected_source(source, told)["PatientSex"].accepts(("F",)) is is_told

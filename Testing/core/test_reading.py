"""The one reader of SEG: every encoding of the reader study and of ours, pixel by pixel."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from builders import a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.export import export
from SegRLEExportLib.reading import frame_decoding
from SegRLEExportLib.reading.frame_decoding import BitLayout
from SegRLEExportLib.reading.header import is_dicom
from SegRLEExportLib.reading.seg_file import SegFile

STUDY = Path("/work/shared/interop")
NATIVE_KINDS = ("BIN", "FR255", "FR1", "LM16", "LM8")


def study_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*__*.dcm"))


def stored_frames(path: Path) -> np.ndarray:
    """Return what the study says is stored in a file."""
    kind, shape = path.stem.split("__")
    stored = next(name for name in NATIVE_KINDS if f"_{name}" in kind)
    return np.load(path.parent / f"frames_{stored}__{shape}.npy")


def test_frames_of_the_reader_study_are_read_right_in_every_encoding(shared_interop):
    wrong = [
        path.name
        for path in study_files(shared_interop)
        for seg in (SegFile(path), SegFile(path, reads_frames=False))
        if not np.array_equal(np.stack(list(seg.pixels())), stored_frames(path))
    ]

    assert len(study_files(shared_interop)) > 60
    assert wrong == []


@pytest.mark.parametrize("encoding", PLANS)
def test_what_we_write_is_read_strictly_and_says_what_it_is(encoding, tmp_path):
    one = two_overlapping_boxes()[0]
    segmentation = a_segmentation([one, a_sphere() & ~one], names=["one", "other"])
    for path in export(segmentation, a_source(), tmp_path / encoding, encoding, options=fixed_options()).paths:
        seg = SegFile(path)

        assert sum(len(block) for block in seg.blocks(is_strict=True)) == seg.frame_count == len(seg.frames)
        assert seg.segmentation_type == PLANS[encoding].segmentation_type.value
        assert {record.label for record in seg.segments} <= {"one", "other"}
        assert seg.planes[0].positions_lps.shape[1] == 3
        of_pixels_alone = SegFile(path, reads_frames=False)
        assert all(map(np.array_equal, of_pixels_alone.pixels(), seg.pixels()))
        assert of_pixels_alone.header.frames is None


@pytest.mark.parametrize(
    ("kind", "layout"), [("b_BIN_RLE_bitpacked", BitLayout.PACKED), ("c_BIN_RLE_bytepp", BitLayout.BYTE_A_PIXEL)]
)
def test_dialects_of_1_bit_rle_are_told_apart(kind, layout, shared_interop):
    stored = SegFile(shared_interop / f"{kind}__37x41_dis.dcm").pixel_data

    assert {stored.decode(encoded)[1] for encoded in stored.encoded_frames()} == {layout}


def test_what_is_no_dicom_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")

    with pytest.raises(NotASegmentationFileError, match=r"notes\.txt is not a readable DICOM Segmentation: it is no"):
        SegFile(tmp_path / "notes.txt")


def rewritten(path: Path, target: Path, syntax: str, pixels: bytes, vr: str) -> Path:
    """Write a file of native pixels anew in another native transfer syntax."""
    dataset = pydicom.dcmread(path)
    for element in dataset.iterall():
        element.value  # noqa: B018  (converted now, as it is written in another order)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset["PixelData"] = pydicom.DataElement(0x7FE00010, vr, pixels)
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target


def swapped(pixels: bytes) -> bytes:
    return np.frombuffer(pixels + b"\0" * (len(pixels) % 2), ">u2").astype("<u2").tobytes()


class TestByteOrderAndForm:
    """The order of bytes, Implicit VR, a missing preamble and items of undefined length change nothing."""

    @pytest.mark.parametrize(
        "kind", ["a_BIN_native__37x41_dis", "f_LM8_native__37x41_dis", "h0_LM16_native__37x41_dis"]
    )
    @pytest.mark.parametrize(
        ("syntax", "vr"),
        [(ExplicitVRBigEndian, "OW"), (ExplicitVRBigEndian, "OB"), (ImplicitVRLittleEndian, "OW")],
    )
    def test_is_read_alike(self, kind, syntax, vr, shared_interop, tmp_path):
        path = shared_interop / f"{kind}.dcm"
        stored = pydicom.dcmread(path).PixelData
        is_swapped = syntax == ExplicitVRBigEndian and (vr == "OW" or "LM16" in kind)

        other = SegFile(rewritten(path, tmp_path / "o.dcm", syntax, swapped(stored) if is_swapped else stored, vr))

        ours = SegFile(path)
        assert np.array_equal(np.stack([*other.pixels()]), np.stack([*ours.pixels()]))
        assert other.frames == replace(ours.frames, contents=other.frames.contents)
        assert other.all_segments == ours.all_segments
        assert np.array_equal(other.planes[0].positions_lps, ours.planes[0].positions_lps)

    def test_a_file_without_preamble_or_meta_is_read_alike(self, shared_interop, tmp_path):
        path = shared_interop / "a_BIN_native__37x41_dis.dcm"
        content = path.read_bytes()
        (meta_length,) = struct.unpack_from("<I", content, 140)
        for name, start in (("meta", 132), ("dataset", 144 + meta_length)):
            (tmp_path / name).write_bytes(content[start:])

            assert np.array_equal(np.stack([*SegFile(tmp_path / name).pixels()]), stored_frames(path))
            assert is_dicom(tmp_path / name)

    def test_sequences_and_items_of_undefined_length_are_read_alike(self, shared_interop, tmp_path):
        path = shared_interop / "g_LM8_RLE__37x41_dis.dcm"
        dataset = pydicom.dcmread(path)
        dataset.walk(undefined)
        dataset.save_as(tmp_path / "undefined.dcm")

        other, ours = SegFile(tmp_path / "undefined.dcm"), SegFile(path)

        assert len((tmp_path / "undefined.dcm").read_bytes()) > len(path.read_bytes())
        assert other.frames == replace(ours.frames, contents=other.frames.contents)
        assert other.all_segments == ours.all_segments
        assert other.referenced_instance_uids == ours.referenced_instance_uids

    def test_what_all_frames_share_is_each_frames_own(self, shared_interop, tmp_path):
        path = shared_interop / "f_LM8_native__37x41_dis.dcm"
        dataset = pydicom.dcmread(path)
        shared = dataset.SharedFunctionalGroupsSequence[0]
        for group in dataset.PerFrameFunctionalGroupsSequence:
            group.PixelMeasuresSequence, group.PlaneOrientationSequence = (
                shared.PixelMeasuresSequence,
                shared.PlaneOrientationSequence,
            )
        del shared.PixelMeasuresSequence, shared.PlaneOrientationSequence
        dataset.save_as(tmp_path / "own.dcm")

        assert SegFile(tmp_path / "own.dcm").frames.places == SegFile(path).frames.places

    def test_frames_that_differ_in_orientation_are_refused(self, shared_interop, tmp_path):
        dataset = pydicom.dcmread(shared_interop / "f_LM8_native__37x41_dis.dcm")
        turned = pydicom.Dataset()
        turned.ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
        dataset.PerFrameFunctionalGroupsSequence[3].PlaneOrientationSequence = [turned]
        dataset.save_as(tmp_path / "turned.dcm")

        with pytest.raises(NotASegmentationFileError, match="its frames do not lie parallel"):
            SegFile(tmp_path / "turned.dcm").planes  # noqa: B018


def undefined(_: pydicom.Dataset, element: pydicom.DataElement) -> None:
    """Have a sequence and its items written without a length."""
    if element.VR == "SQ":
        element.is_undefined_length = True
        for item in element.value:
            item.is_undefined_length_sequence_item = True


def test_rle_that_breaks_rules_without_leaving_doubt_is_read(shared_interop, tmp_path):
    """Runs across rows and segments of odd length are written by several programs."""
    path = shared_interop / "g_LM8_RLE__37x41_dis.dcm"
    dataset = pydicom.dcmread(path)
    frames = [*generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames)]
    flat = stored_frames(path)[0].reshape(-1)
    runs = b"".join(bytes([0, value]) for value in flat.tolist())
    frames[0] = frames[0][:64] + runs
    dataset.PixelData = encapsulate(frames)
    dataset.save_as(tmp_path / "loose.dcm")
    blank = bytes([129, 0]) * (flat.size // 128) + bytes([257 - flat.size % 128, 0])
    frames[0] = frames[0][:64] + blank
    dataset.PixelData = encapsulate(frames)
    dataset.save_as(tmp_path / "crossing.dcm")

    assert np.array_equal(np.stack([*SegFile(tmp_path / "loose.dcm").pixels()]), stored_frames(path))
    assert not next(SegFile(tmp_path / "crossing.dcm").pixels()).any()
    with pytest.raises(NotASegmentationFileError, match="a run crosses the end of a row"):
        list(SegFile(tmp_path / "crossing.dcm").blocks(is_strict=True))


def test_frames_of_several_fragments_are_put_together_by_their_offsets(shared_interop, tmp_path):
    path = shared_interop / "m_LM8_J2K__37x41_dis.dcm"
    dataset = pydicom.dcmread(path)
    frames = [*generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames)]
    dataset.PixelData = encapsulate(frames, fragments_per_frame=2)
    dataset.save_as(tmp_path / "two.dcm")
    dataset.PixelData = encapsulate(frames, fragments_per_frame=2, has_bot=False)
    dataset.save_as(tmp_path / "unknown.dcm")

    assert np.array_equal(np.stack([*SegFile(tmp_path / "two.dcm").pixels()]), stored_frames(path))
    with pytest.raises(NotASegmentationFileError, match="there are 24 fragments for 12 frames"):
        list(SegFile(tmp_path / "unknown.dcm").pixels())


def test_a_decoder_that_is_not_there_is_named(shared_interop, monkeypatch):
    nothing = SimpleNamespace(is_available=False, missing_dependencies=["requires pyjpegls>=1.2"])
    monkeypatch.setattr(frame_decoding, "get_decoder", lambda _: nothing)

    with pytest.raises(NotASegmentationFileError, match=r"nothing that is installed decodes JPEG-LS .*pyjpegls"):
        list(SegFile(shared_interop / "l_LM8_JLS__37x41_dis.dcm").pixels())

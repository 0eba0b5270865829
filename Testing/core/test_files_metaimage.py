"""MetaImage, whole as SimpleITK writes it and damaged: right, or refused by its reason."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from file_builders import LABELS, TO_RAS
from SegRLEExportLib.errors import UnreadableSegmentationError
from SegRLEExportLib.files.read import read_segmentation

TO_LPS = np.diag([-1.0, -1, 1, 1]) @ TO_RAS

HEADER = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "-20 -30 50",
    "ElementSpacing": "0.8 1 2.5",
    "DimSize": "5 4 3",
    "ElementType": "MET_UCHAR",
    "ElementDataFile": "LOCAL",
}


def a_metaimage(folder: Path, data: bytes | None = None, *, name: str = "a.mha", **fields: str | None) -> Path:
    """Write a MetaImage; `fields` replace those of `HEADER`, None leaves one out."""
    header = {key: value for key, value in {**HEADER, **fields}.items() if value is not None}
    if "ElementDataFile" in header:
        header["ElementDataFile"] = header.pop("ElementDataFile")  # what follows it are voxels
    path = folder / name
    lines = "".join(f"{key} = {value}\n" for key, value in header.items())
    path.write_bytes(lines.encode() + (LABELS.tobytes() if data is None else data))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UnreadableSegmentationError) as caught:
        read_segmentation(path)
    return str(caught.value)


def is_right(path: Path) -> bool:
    layer = read_segmentation(path).layers[0]
    expected = TO_LPS[:, [2, 1, 0, 3]]
    return np.array_equal(layer.labels_kji, LABELS) and np.allclose(layer.geometry.kji_to_lps, expected)


class TestRight:
    def test_whole(self, tmp_path):
        assert is_right(a_metaimage(tmp_path))

    @pytest.mark.parametrize("suffix", [".mha", ".mhd"])
    @pytest.mark.parametrize("compressed", [True, False])
    def test_as_simpleitk_writes_it(self, tmp_path, suffix, compressed):
        sitk = pytest.importorskip("SimpleITK")
        image = sitk.GetImageFromArray(LABELS)
        image.SetSpacing((0.8, 1, 2.5))
        image.SetOrigin((-20, -30, 50))
        path = tmp_path / f"a{suffix}"
        sitk.WriteImage(image, str(path), useCompression=compressed)
        assert is_right(path)

    def test_oblique_axes_as_simpleitk_has_them(self, tmp_path):
        sitk = pytest.importorskip("SimpleITK")
        image = sitk.GetImageFromArray(LABELS)
        image.SetDirection((0.6, 0.8, 0, -0.8, 0.6, 0, 0, 0, 1))
        image.SetSpacing((0.8, 1, 2.5))
        image.SetOrigin((-20, -30, 50))
        sitk.WriteImage(image, str(tmp_path / "a.mha"))
        to_lps = read_segmentation(tmp_path / "a.mha").layers[0].geometry.kji_to_lps
        for ijk in ((0, 0, 0), (4, 0, 0), (0, 3, 0), (4, 3, 2)):
            assert to_lps @ (*ijk[::-1], 1) == pytest.approx((*image.TransformIndexToPhysicalPoint(ijk), 1))

    def test_big_endian(self, tmp_path):
        path = a_metaimage(
            tmp_path, LABELS.astype(">u2").tobytes(), BinaryDataByteOrderMSB="True", ElementType="MET_USHORT"
        )
        assert is_right(path)

    @pytest.mark.parametrize("word", ["True", "TRUE", "T", "t", "1", "False", "f", "F", "0"])
    def test_words_for_yes_and_no_as_itk_takes_them(self, tmp_path, word):
        sitk = pytest.importorskip("SimpleITK")
        big = word[0] in "Tt1"
        data = LABELS.astype(">u2" if big else "<u2").tobytes()
        path = a_metaimage(tmp_path, data, BinaryDataByteOrderMSB=word, BinaryData="T", ElementType="MET_USHORT")
        assert is_right(path)
        assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), LABELS)

    @pytest.mark.parametrize("name", [None, "TransformMatrix", "Rotation", "Orientation"])
    def test_axes_under_every_name_or_left_out_as_itk_has_them(self, tmp_path, name):
        sitk = pytest.importorskip("SimpleITK")
        axes = {"TransformMatrix": None} | ({name: "0.6 0.8 0 -0.8 0.6 0 0 0 1"} if name else {})
        path = a_metaimage(tmp_path, **axes)
        image = sitk.ReadImage(str(path))
        to_lps = read_segmentation(path).layers[0].geometry.kji_to_lps
        for ijk in ((0, 0, 0), (4, 0, 0), (0, 3, 0), (4, 3, 2)):
            assert to_lps @ (*ijk[::-1], 1) == pytest.approx((*image.TransformIndexToPhysicalPoint(ijk), 1))


class TestRefused:
    @pytest.mark.parametrize("compressed", [True, False])
    @pytest.mark.parametrize("missing", [1, 7, 20])
    def test_cut_short(self, tmp_path, compressed, missing):
        data = zlib.compress(LABELS.tobytes()) if compressed else LABELS.tobytes()
        path = a_metaimage(tmp_path, data[:-missing], CompressedData=str(compressed))
        assert "it is cut short" in refusal(path)

    def test_a_flipped_bit_in_the_compressed_bytes(self, tmp_path):
        data = zlib.compress(LABELS.tobytes())
        for place in range(2, len(data)):
            damaged = bytearray(data)
            damaged[place] ^= 0x10
            path = a_metaimage(tmp_path, bytes(damaged), CompressedData="True")
            assert "cannot be read" in refusal(path), place

    def test_more_than_the_header_says(self, tmp_path):
        assert "more bytes follow than its header says" in refusal(a_metaimage(tmp_path, LABELS.tobytes() + b"\0"))

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"NDims": "1000000"}, "it has 1000000 dimensions, and 3 are needed"),
            ({"NDims": None}, "it has unknown dimensions, and 3 are needed"),
            ({"DimSize": "5 4"}, "its header is damaged: DimSize is '5 4'"),
            ({"DimSize": "5 4 0"}, "its sizes are 5 4 0"),
            ({"DimSize": "5 4 2.5"}, "its sizes are 5 4 2.5"),
            ({"DimSize": "90000 90000 90000"}, "it is cut short: 729,000,000,000,000 bytes should come"),
            ({"ElementType": "MET_STRING"}, "its voxels are of the type 'MET_STRING', and numbers are needed"),
            ({"ElementNumberOfChannels": "3"}, "its voxels are colours or vectors, and numbers are needed"),
            ({"BinaryData": "False"}, "its voxels are text; save it as binary data"),
            ({"BinaryData": "perhaps"}, "its header is damaged: BinaryData is 'perhaps'"),
            ({"BinaryDataByteOrderMSB": "2"}, "its header is damaged: BinaryDataByteOrderMSB is '2'"),
            ({"ElementSpacing": "0.8 0 2.5"}, "its voxels have the sizes 0.8 0 2.5"),
            ({"ElementSpacing": "0.8 nan 2.5"}, "its header is damaged: ElementSpacing is '0.8 nan 2.5'"),
            ({"ElementSpacing": None}, "its header has no 'ElementSpacing'"),
            ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "the axes do not span space"),
            ({"TransformMatrix": "1 0 0"}, "its header is damaged: TransformMatrix is '1 0 0'"),
            ({"Offset": None}, "its header has no 'Offset'"),
            ({"Offset": "here"}, "its header is damaged: Offset is 'here'"),
            ({"ElementDataFile": "LIST"}, "its voxels are in several files; save it as one .mha"),
            ({"ElementDataFile": "%03d.raw 1 3 1"}, "its voxels are in several files; save it as one .mha"),
            ({"ElementDataFile": "nowhere.raw"}, "there is no such file (nowhere.raw, which holds its voxels)"),
            (
                {"HeaderSize": "512", "ElementDataFile": "a.raw"},
                "its voxels are behind another header; save it as one .mha",
            ),
            ({"ElementDataFile": None}, "its header is damaged at the line"),
        ],
    )
    def test_a_header_that_cannot_be(self, tmp_path, fields, reason):
        path = a_metaimage(tmp_path, **fields)
        assert reason in refusal(path)

    def test_a_header_with_a_line_twice_or_without_a_value(self, tmp_path):
        path = a_metaimage(tmp_path)
        for damaged in (b"NDims = 3\nNDims = 3\n", b"NDims 3\n", b"ND\xffms = 3\n"):
            content = a_metaimage(tmp_path).read_bytes().replace(b"NDims = 3\n", damaged)
            path.write_bytes(content)
            assert "its header is damaged" in refusal(path)

    def test_a_header_without_end(self, tmp_path):
        path = tmp_path / "a.mha"
        path.write_text("ObjectType = Image\n" + "".join(f"a{n} = 1\n" for n in range(5000)))
        assert "its header does not come to an end" in refusal(path)

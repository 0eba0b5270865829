"""What goes into a file: bytes that can be patched, counted or deflated, with the offset table that fits."""

from __future__ import annotations

import zlib

import numpy as np
import pydicom
import pytest
import read_by_others
from builders import a_segmentation, a_source
from pydicom.encaps import get_frame, parse_basic_offsets
from SegRLEExportLib.encoding import encapsulation
from SegRLEExportLib.export import export
from SegRLEExportLib.reading.rle import decode_frame
from SegRLEExportLib.writing.seg_file import (
    CountingSink,
    DeflatingSink,
    FileSink,
    write_native_pixel_data,
)


class TestSinks:
    def test_a_patch_replaces_what_was_written(self, tmp_path):
        with (tmp_path / "file").open("xb") as file:
            sink = FileSink(file)
            sink.write(b"0123456789")
            sink.patch(2, b"ab")
            sink.write(b"!")
            assert sink.position() == 11

        assert (tmp_path / "file").read_bytes() == b"01ab456789!"

    def test_counting_counts_bytes_whatever_holds_them(self):
        sink = CountingSink()
        sink.write(b"abc")
        sink.write(np.zeros(4, np.uint16).data)

        assert sink.position() == 11

    @pytest.mark.parametrize("content", [b"", b"a", b"ab" * 1000, bytes(range(256)) * 9], ids=len)
    def test_deflated_bytes_are_even_and_come_back(self, content, tmp_path):
        with (tmp_path / "file").open("xb") as file:
            sink = DeflatingSink(FileSink(file))
            sink.write(content)
            sink.finish()

        stored = (tmp_path / "file").read_bytes()
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        assert len(stored) % 2 == 0
        assert inflater.decompress(stored) == content
        assert inflater.eof
        assert inflater.unused_data in (b"", b"\0")

    @pytest.mark.parametrize("ask", [lambda sink: sink.position(), lambda sink: sink.patch(0, b"")])
    def test_a_deflated_stream_cannot_be_patched(self, ask):
        with pytest.raises(NotImplementedError, match="deflated stream"):
            ask(DeflatingSink(CountingSink()))

    def test_native_pixel_data_is_padded_to_even(self, tmp_path):
        with (tmp_path / "file").open("xb") as file:
            write_native_pixel_data(FileSink(file), "OB", 3, [b"ab", b"c"])

        assert (tmp_path / "file").read_bytes() == b"\xe0\x7f\x10\x00OB\0\0\4\0\0\0abc\0"


class TestOffsetTables:
    def test_the_basic_one_is_filled_and_the_extended_one_absent(self, tmp_path):
        seg = pydicom.dcmread(export(a_segmentation(), a_source(), tmp_path, "rle").paths[0])

        assert len(parse_basic_offsets(seg.PixelData)) == seg.NumberOfFrames
        assert "ExtendedOffsetTable" not in seg

    @pytest.mark.parametrize("encoding", ["rle", "rle-per-segment", "rle-binary"])
    def test_the_extended_one_takes_over_where_32_bits_do_not_suffice(self, encoding, tmp_path, monkeypatch):
        expected = read_by_others.by_pydicom(export(a_segmentation(), a_source(), tmp_path / "a", encoding).paths[0])
        monkeypatch.setattr(encapsulation, "BASIC_OFFSET_LIMIT", 100)

        report = export(a_segmentation(), a_source(), tmp_path / "b", encoding)

        seg = pydicom.dcmread(report.paths[0])
        assert parse_basic_offsets(seg.PixelData) == []
        assert len(seg.ExtendedOffsetTable) == len(seg.ExtendedOffsetTableLengths) == 8 * seg.NumberOfFrames
        found = read_by_others.by_pydicom(report.paths[0])
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[label], expected[label]) for label in found)

    @pytest.mark.parametrize(("limit", "is_extended"), [(10**9, False), (100, True)])
    def test_pydicom_finds_each_frame_by_its_offset(self, limit, is_extended, tmp_path, monkeypatch):
        monkeypatch.setattr(encapsulation, "BASIC_OFFSET_LIMIT", limit)
        path = export(a_segmentation(), a_source(), tmp_path, "rle").paths[0]

        seg = pydicom.dcmread(path)
        pixels = read_by_others.stored_pixels(seg)
        extended = (seg.ExtendedOffsetTable, seg.ExtendedOffsetTableLengths) if is_extended else None
        for number in range(seg.NumberOfFrames):
            frame = get_frame(seg.PixelData, number, extended_offsets=extended, number_of_frames=seg.NumberOfFrames)
            assert np.array_equal(decode_frame(frame, seg.Rows, seg.Columns), pixels[number])

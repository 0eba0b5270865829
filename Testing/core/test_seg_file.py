"""The file on disk: exclusive while it is made, whole or absent afterwards, with the offset table that fits."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import read_by_others
from builders import a_segmentation, a_source
from pydicom.encaps import get_frame, parse_basic_offsets
from SegRLEExportLib.encoding import encapsulation
from SegRLEExportLib.errors import TargetExistsError, WritingFailedError
from SegRLEExportLib.export import export
from SegRLEExportLib.reading.rle import decode_frame
from SegRLEExportLib.writing.seg_file import (
    CountingSink,
    DeflatingSink,
    FileSink,
    PendingFiles,
    write_native_pixel_data,
)


def write(files: PendingFiles, final: Path, content: bytes = b"new") -> None:
    with files.create(final) as sink:
        sink.write(content)


class TestPendingFiles:
    def test_have_no_name_before_they_are_published(self, tmp_path):
        final = tmp_path / "seg.dcm"
        with PendingFiles(overwrite=False) as files:
            write(files, final)
            assert files.unverified(final).read_bytes() == b"new"
            assert not final.exists()
            files.publish()

        assert final.read_bytes() == b"new"
        assert list(tmp_path.iterdir()) == [final]

    def test_vanish_if_they_are_never_published(self, tmp_path):
        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "seg.dcm")

        assert list(tmp_path.iterdir()) == []

    def test_refuse_a_name_that_is_taken(self, tmp_path):
        (tmp_path / "seg.dcm").write_bytes(b"old")

        with PendingFiles(overwrite=False) as files, pytest.raises(TargetExistsError, match="seg.dcm exists already"):
            write(files, tmp_path / "seg.dcm")

        assert (tmp_path / "seg.dcm").read_bytes() == b"old"

    def test_refuse_the_unfinished_file_of_another_export_and_leave_it(self, tmp_path):
        (tmp_path / "seg.dcm.part").write_bytes(b"of somebody else")

        with PendingFiles(overwrite=True) as files, pytest.raises(TargetExistsError, match="seg.dcm.part exists"):
            write(files, tmp_path / "seg.dcm")

        assert (tmp_path / "seg.dcm.part").read_bytes() == b"of somebody else"

    def test_refuse_a_name_that_was_taken_meanwhile_and_publish_none(self, tmp_path):
        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "1.dcm")
            write(files, tmp_path / "2.dcm")
            (tmp_path / "2.dcm").write_bytes(b"old")
            with pytest.raises(TargetExistsError, match="2.dcm"):
                files.publish()

        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"2.dcm": b"old"}

    @pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["disk", "Ctrl-C"])
    def test_get_their_names_together_or_not_at_all(self, error, tmp_path, monkeypatch):
        original = Path.replace

        def replace(path, target):
            if path.name.startswith("2"):
                raise error
            return original(path, target)

        monkeypatch.setattr(Path, "replace", replace)
        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "1.dcm")
            write(files, tmp_path / "2.dcm")
            with pytest.raises(WritingFailedError if isinstance(error, OSError) else KeyboardInterrupt):
                files.publish()

        assert list(tmp_path.iterdir()) == []

    def test_that_replace_others_give_them_back_if_one_fails(self, tmp_path, monkeypatch):
        (tmp_path / "1.dcm").write_bytes(b"old 1")
        (tmp_path / "2.dcm").write_bytes(b"old 2")
        original = Path.replace

        def replace(path, target):
            if path.name == "2.dcm.part":
                raise OSError(5, "Input/output error")
            return original(path, target)

        monkeypatch.setattr(Path, "replace", replace)
        with PendingFiles(overwrite=True) as files:
            write(files, tmp_path / "1.dcm")
            write(files, tmp_path / "2.dcm")
            with pytest.raises(WritingFailedError):
                files.publish()

        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"1.dcm": b"old 1", "2.dcm": b"old 2"}

    def test_that_replace_others_leave_nothing_of_them(self, tmp_path):
        (tmp_path / "seg.dcm").write_bytes(b"old")

        with PendingFiles(overwrite=True) as files:
            write(files, tmp_path / "seg.dcm")
            files.publish()

        assert [path.name for path in tmp_path.iterdir()] == ["seg.dcm"]
        assert (tmp_path / "seg.dcm").read_bytes() != b"old"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_tell_that_the_disk_is_full(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Path, "open", lambda *_, **__: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb"))

        with PendingFiles(overwrite=True) as files, pytest.raises(WritingFailedError, match="No space left on device"):
            write(files, tmp_path / "seg.dcm", bytes(1 << 17))

    def test_tell_that_the_folder_is_gone(self, tmp_path):
        with (
            PendingFiles(overwrite=False) as files,
            pytest.raises(WritingFailedError, match="No such file or directory. The unfinished file was removed"),
        ):
            write(files, tmp_path / "gone" / "seg.dcm")

    def test_are_on_the_disk_before_they_get_their_names(self, tmp_path, monkeypatch):
        events = []
        fsync, replace = os.fsync, Path.replace
        monkeypatch.setattr(os, "fsync", lambda number: events.append("flush") or fsync(number))
        monkeypatch.setattr(Path, "replace", lambda *paths: events.append("rename") or replace(*paths))

        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "seg.dcm")
            files.publish()

        assert events == ["flush", "rename", "flush"]


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

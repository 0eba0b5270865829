"""Verification counts pixels in small parts of frames; whatever single bit is wrong, it must say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from benchmarks.workloads import draw_layers, make_segmentation, scaled, write_series
from SegRLEExportLib.errors import VerificationError
from SegRLEExportLib.export import export
from SegRLEExportLib.verification.check import Check

WHOLE_BYTES = scaled("whole bytes", slices=5, rows=24, columns=40, layer_segments=(2, 1), slice_span=(0.9, 1.0))
ACROSS_BYTES = scaled("across bytes", slices=5, rows=21, columns=37, layer_segments=(2, 1), slice_span=(0.9, 1.0))


@pytest.mark.parametrize("workload", [WHOLE_BYTES, ACROSS_BYTES], ids=lambda w: w.name)
class TestBitPackedFrames:
    def test_pass_if_nothing_was_changed(self, workload, tmp_path):
        assert export_with_flipped_bit(workload, tmp_path, None).is_verified

    @pytest.mark.parametrize("place", np.linspace(0, 1, 12).round(3).tolist())
    def test_fail_if_one_bit_was_changed(self, workload, tmp_path, monkeypatch, place):
        with pytest.raises(VerificationError, match=r"1 pixels of segment [123] at .* differ|bits are set behind"):
            export_with_flipped_bit(workload, tmp_path, place, monkeypatch)


def export_with_flipped_bit(workload, folder: Path, place: float | None, monkeypatch=None):
    """Export, and between writing and verification flip the bit at that share of Pixel Data."""
    write_series(workload, folder / "series")

    verify = Check.verify

    def flip_and_verify(check, path, *others):
        content = bytearray(path.read_bytes())
        header = pydicom.dcmread(path, stop_before_pixels=True)
        length = header.NumberOfFrames * header.Rows * header.Columns // 8
        content[len(content) - 2 - round(place * (length - 4))] ^= 1 << round(place * 7)
        path.write_bytes(content)
        return verify(check, path, *others)

    if place is not None:
        monkeypatch.setattr(Check, "verify", flip_and_verify)
    segmentation = make_segmentation(workload, draw_layers(workload))
    return export(segmentation, folder / "series", folder / "seg.dcm", compression="none")

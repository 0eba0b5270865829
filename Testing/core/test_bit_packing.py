"""Bit packing: what pydicom packs, we pack; frames follow each other without a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.pixels import pack_bits
from SegRLEExportLib.encoding import bit_packing
from SegRLEExportLib.encoding.bit_packing import frames_at_once, pack_frames, packed_size
from SegRLEExportLib.planes.pixels import Masks
from SegRLEExportLib.planes.regions import Slab


def together(masks: np.ndarray) -> Masks:
    """Return the masks with the row bounds that the index would give them."""
    used = np.flatnonzero(masks.any(axis=(0, 2)))
    first, stop = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
    return Masks(Slab(masks.astype(np.uint8), 0, 0), 1, masks.shape[2], first, stop)


def packed(masks: np.ndarray, at_once: int = 1) -> bytes:
    frames, rows, columns = masks.shape
    groups = (together(masks[start : start + at_once]) for start in range(0, frames, at_once))
    return b"".join(bytes(piece) for piece in pack_frames(groups, rows, columns))


@st.composite
def mask_stacks(draw):
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 17), st.integers(1, 17)))
    density = draw(st.sampled_from([0.0, 0.02, 0.5, 1.0]))
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random(shape) < density


@given(mask_stacks(), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_any_frames_are_packed_as_pydicom_packs_them(masks, at_once):
    assert packed(masks, at_once) == pack_bits(masks.astype(np.uint8), pad=False)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        pytest.param((1, 1, 1), 1, id="1 x 1"),
        pytest.param((9, 1, 1), 2, id="nine frames of one pixel"),
        pytest.param((3, 3, 3), 4, id="27 pixels"),
        pytest.param((2, 4, 4), 4, id="whole bytes"),
    ],
)
def test_frames_take_no_more_bytes_than_their_bits(shape, size):
    assert packed_size(*shape) == len(packed(np.ones(shape, bool))) == size


def test_the_second_frame_begins_in_the_middle_of_a_byte():
    masks = np.array([[[True, False, False]], [[True, True, False]]])

    assert packed(masks) == bytes([0b00011001])


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_more_frames_than_a_batch_holds_are_all_handed_on(frames, at_once, monkeypatch):
    masks = np.random.default_rng(frames).random((frames, 8, 6)) < 0.3
    monkeypatch.setattr(bit_packing, "BATCH_BYTES", 3 * 6)

    assert packed(masks, at_once) == pack_bits(masks.astype(np.uint8), pad=False)


def test_rows_left_over_from_a_larger_mask_do_not_show_in_the_next_batch(monkeypatch):
    masks = np.zeros((4, 8, 8), bool)
    masks[:2] = True
    masks[2, 3] = True
    monkeypatch.setattr(bit_packing, "BATCH_BYTES", 2 * 8)

    assert packed(masks) == pack_bits(masks.astype(np.uint8), pad=False)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (9, 7), (512, 512), (1024, 1024), (5000, 5000)])
def test_frames_that_come_at_once_fit_into_a_batch(rows, columns):
    frame_bytes = rows * columns / 8

    assert 1 <= frames_at_once(rows, columns) <= max(1, bit_packing.BATCH_BYTES / frame_bytes)

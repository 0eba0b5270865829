"""The published sizes, and what the page says of them."""

from __future__ import annotations

import pytest

from peers import sizes, table
from peers.environments import AbsentError

PUBLISHED = table.load().sizes


def test_the_real_segmentations_have_the_published_sizes():
    try:
        fresh = sizes.measured(sizes.real())
    except AbsentError as absent:
        pytest.skip(str(absent))
    for name, by_plan in fresh.items():
        for plan_id in ("rle", "none", "labelmap", "rle-per-segment", "rle-binary"):
            assert by_plan[plan_id] == PUBLISHED[name][plan_id], (name, plan_id)


@pytest.mark.parametrize("name", PUBLISHED)
def test_deflate_is_smaller_than_rle_and_rle_smaller_than_uncompressed(name):
    assert PUBLISHED[name]["deflate"] < PUBLISHED[name]["rle"] < PUBLISHED[name]["none"]

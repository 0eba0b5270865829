"""Segments without a colour get one that tells them apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from SegRLEExportLib.model.usual_color import usual_color


def test_it_is_another_for_each_label_value():
    for values in (range(1, 41), range(10, 200, 10), range(5, 100, 5)):
        for first, second in combinations(map(usual_color, values), 2):
            assert not np.allclose(first, second, atol=1 / 255)


def test_it_is_red_green_and_blue_from_0_to_1():
    assert all(len(usual_color(n)) == 3 and 0 <= min(usual_color(n)) <= max(usual_color(n)) <= 1 for n in (1, 6, 65535))

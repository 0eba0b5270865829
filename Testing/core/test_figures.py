"""The figures of README and Docs are those of the last full run of the benchmark, and nobody typed them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("benchmark_page", ROOT / "Testing" / "benchmarks" / "page.py")
page = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(page)


@pytest.mark.parametrize(("name", "block"), [(name, block) for name, all_ in page.PAGES.items() for block in all_])
def test_figures_are_of_the_last_full_run(name, block):
    made = page.blocks(json.loads(page.RESULTS.read_text(encoding="utf-8")))[block]
    assert page.shown((ROOT / name).read_text(encoding="utf-8"), block) == made, "run: python3 tasks.py pages"


def test_a_missing_block_is_said():
    with pytest.raises(ValueError, match="no block of figures"):
        page.renewed("a page", "figures", "")

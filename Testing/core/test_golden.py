"""The dataset of each row, word by word. `pytest Testing/core/test_golden.py --update-golden` writes the texts anew."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SegRLEExportLib
from builders import LEFT_KIDNEY, a_grid, a_segmentation, a_source, fixed_options
from pydicom import DataElement, Dataset
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.export import export
from SegRLEExportLib.model.segmentation import AlgorithmType, Segmentation

GOLDEN = Path(__file__).parent / "golden"


def a_small_segmentation() -> Segmentation:
    """Return two overlapping segments on two planes of 3 x 5, one coded with a modifier, one not coded."""
    grid = a_grid((2, 3, 5))
    one, other = np.zeros(grid.shape_kji, bool), np.zeros(grid.shape_kji, bool)
    one[:, :2, 1:4] = True
    other[1:, 1:, 2:] = True
    return a_segmentation(
        [one, other],
        names=["left kidney", "Größe"],
        terminologies=[LEFT_KIDNEY, None],
        grid=grid,
        description="drawn by hand",
        algorithm_type=AlgorithmType.MANUAL,
    )


def told(dataset: Dataset, indent: str = "") -> Iterator[str]:
    """Yield a line for each element: tag, VR, keyword, value; items indented; pixel data as length and digest."""
    for element in dataset:
        head = f"{indent}{element.tag} {element.VR} {element.keyword}"
        if element.VR == "SQ":
            yield f"{head}: {len(element.value)} item(s)"
            for item in element.value:
                yield f"{indent}  -"
                yield from told(item, indent + "    ")
        else:
            yield f"{head}: {_value_told(element)}"


def _value_told(element: DataElement) -> str:
    if element.keyword == "SoftwareVersions" and element.value == SegRLEExportLib.__version__:
        return "the version of this package"
    if element.keyword == "PixelData":
        return f"{len(element.value)} bytes, SHA-256 {hashlib.sha256(element.value).hexdigest()}"
    if isinstance(element.value, bytes):
        return element.value.hex()
    return str(element.value)


def text_of(paths: tuple[Path, ...]) -> str:
    """Return the first file line by line, and of each other file the lines that differ from the first."""
    first, *others = (_lines(path) for path in paths)
    text = first
    for number, other in enumerate(others, start=2):
        text += [f"file {number}, where it differs", *difflib.unified_diff(first, other, n=0, lineterm="")]
    return "\n".join(text) + "\n"


def _lines(path: Path) -> list[str]:
    dataset = pydicom.dcmread(path)
    return [*told(dataset.file_meta), *told(dataset)]


@pytest.mark.parametrize("encoding", PLANS)
def test_the_dataset_is_the_one_that_was_looked_at(encoding, tmp_path, update_golden):
    report = export(
        a_small_segmentation(), a_source(a_grid((2, 3, 5))), tmp_path, encoding, options=fixed_options(series_number=8)
    )
    golden = GOLDEN / f"{encoding}.txt"
    text = text_of(report.paths)
    if update_golden:
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")

    assert golden.exists(), f"{golden} is missing; run with --update-golden and look at it"
    assert text.splitlines() == golden.read_text(encoding="utf-8").splitlines()


def test_no_golden_text_is_left_over():
    assert {path.stem for path in GOLDEN.iterdir()} == set(PLANS)

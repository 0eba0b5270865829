"""How long one waits for `segrle` itself."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from contestants import installed_version
from material import warm_up_material
from measuring import measure_process, result_folder

ROUNDS = 5

_LABELS = {
    "help": "segrle --help",
    "export": "segrle export of a tiny label map",
}


def measure(folder: Path) -> dict[str, float]:
    """Return the median wall seconds of each start."""
    starts = {"help": median(_wall_s(folder, "--help") for _ in range(ROUNDS))}
    if installed_version("slicer-core") is None:
        print("absent: segrle export from files (slicer-core is not installed)")
        return starts
    tiny = warm_up_material(folder)
    words = ("export", str(tiny.label_files[0]), str(tiny.series), "--output")
    starts["export"] = median(_wall_s(folder, *words) for _ in range(ROUNDS))
    return starts


def lines(starts: dict[str, float]) -> list[str]:
    """Return one line for each start."""
    return [f"{_LABELS[name]}: {seconds:.2f} s" for name, seconds in starts.items()]


def _wall_s(folder: Path, *words: str) -> float:
    """Return the seconds that `segrle` takes with those words; where the last is --output, with a new folder."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        place = [str(result_folder(Path(output)))] if words[-1] == "--output" else []
        return measure_process([sys.executable, "-m", "SegRLEExportLib", *words, *place], Path(output)).process_wall_s

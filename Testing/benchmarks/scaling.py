"""How cost grows with slices, segments, the size of a plane, and with how rough the labels are."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from material import prepare
from measuring import Measured, measure_process
from workloads import Workload, scaled

HERE = Path(__file__).resolve().parent

ENCODINGS = ("none", "rle", "deflate")
SEGMENTS = (1, 3, 10, 30, 100, 300)
SLICES = (100, 300, 1000, 2000)
IN_PLANE = (256, 512, 768, 1024)
NOISE = (0.0, 0.001, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class GrowthPoint:
    """One export of one workload of a row that grows in one respect."""

    axis: str
    value: float
    encoding: str
    cpu_s: float
    verified_cpu_s: float
    peak_above_labels_mb: float
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the point as a JSON object."""
        return asdict(self)


def study(folder: Path, *, quick: bool) -> list[GrowthPoint]:
    """Measure each workload of each row once; quick: only the row of segments, up to 100."""
    rows = [("segments", [(count, _with_segments(count)) for count in (SEGMENTS[:-1] if quick else SEGMENTS)])]
    if not quick:
        rows += [
            ("slices", [(count, scaled(f"slices-{count}", slices=count)) for count in SLICES]),
            ("in-plane", [(side, scaled(f"side-{side}", rows=side, columns=side)) for side in IN_PLANE]),
            ("noise", [(share, scaled(f"noise-{share}", slices=100, noise=share)) for share in NOISE]),
        ]
    return [
        point
        for axis, members in rows
        for value, workload in members
        for point in _points(axis, value, workload, folder)
    ]


def lines(points: list[GrowthPoint]) -> list[str]:
    """Return the lines of the table of growth."""
    return [
        f"{'grows in':9} {'to':>6}  {'encoding':8} {'CPU s':>8} {'verified':>9} {'MB above labels':>16} {'bytes':>14}",
        *(
            f"{point.axis:9} {point.value:>6g}  {point.encoding:8} {point.cpu_s:8.3f} {point.verified_cpu_s:9.3f} "
            f"{point.peak_above_labels_mb:16.0f} {point.bytes:14,}"
            for point in points
        ),
    ]


def _with_segments(count: int) -> Workload:
    return scaled(f"segments-{count}", layer_segments=(count,))


def _points(axis: str, value: float, workload: Workload, folder: Path) -> list[GrowthPoint]:
    print(f"growth: {workload.name}", flush=True)
    material = prepare(workload, folder, for_peers=False)
    points = [_point(axis, value, workload, folder, encoding) for encoding in ENCODINGS]
    shutil.rmtree(material.folder)
    return points


def _point(axis: str, value: float, workload: Workload, folder: Path, encoding: str) -> GrowthPoint:
    plain, verified = (_measure(workload, folder, encoding, *options) for options in (("--verify", "off"), ()))
    return GrowthPoint(
        axis,
        value,
        encoding,
        plain.stage_cpu_s or 0.0,
        verified.stage_cpu_s or 0.0,
        verified.stage_peak_mb or 0.0,
        verified.bytes,
    )


def _measure(workload: Workload, folder: Path, *words: str) -> Measured:
    with tempfile.TemporaryDirectory(dir=folder) as output:
        command = [sys.executable, str(HERE / "ours.py"), str(folder), workload.name, output, *words]
        return measure_process(command, Path(output))

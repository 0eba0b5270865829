"""Size and time against number of segments, for the README."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scaling import ENCODINGS, GrowthPoint

COLORS = {"none": "#888888", "rle": "#1f77b4", "deflate": "#e07b39"}
BYTES_PER_MB = 1e6


def draw(points: list[GrowthPoint], path: Path) -> None:
    """Draw the row of segments; raises `ModuleNotFoundError` without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (size, time) = pyplot.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    _draw_lines(size, points, lambda point: point.bytes / BYTES_PER_MB)
    _draw_lines(time, points, lambda point: point.verified_cpu_s)
    size.set(title="Size of the file", ylabel="MB", xlabel="segments", xscale="log", yscale="log")
    time.set(title="Export, read back and compared", ylabel="CPU seconds", xlabel="segments", xscale="log")
    time.set_ylim(bottom=0)
    size.legend()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def _draw_lines(axes, points: list[GrowthPoint], height: Callable[[GrowthPoint], float]) -> None:
    for encoding in ENCODINGS:
        row = [point for point in points if point.axis == "segments" and point.encoding == encoding]
        axes.plot(
            [point.value for point in row],
            [height(point) for point in row],
            "o-",
            color=COLORS[encoding],
            label=encoding,
        )
    axes.grid(alpha=0.3)

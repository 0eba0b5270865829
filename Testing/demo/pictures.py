"""Slices of the CT with the contours of the segments as another program reads them from the SEG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import highdicom
import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

WINDOW_HU = (-160.0, 240.0)
"""Soft tissue."""

COLORS = ("#fde79e", "#a1c4e8", "#ffa53a", "#e88f6b", "#16c547", "#ff4f9a", "#5fd0c5", "#dcf514")


def draw_contours(picture: Path, voxels_kji: np.ndarray, source, seg_paths: Sequence[Path]) -> None:
    """Draw four slices of `voxels_kji`, (k, j, i) on the planes of `source`, and what highdicom reads there."""
    segments = [one for path in seg_paths for one in _read_with_highdicom(path, source)]
    planes = np.linspace(0, len(source.stack) - 1, 6).astype(int)[1:-1]
    rows_go_forward = source.stack.column_direction_lps[1] < 0
    figure, axes = pyplot.subplots(1, len(planes), figsize=(3 * len(planes), 3.7), dpi=80)
    for axis, plane in zip(axes, planes):
        axis.imshow(
            voxels_kji[plane],
            cmap="gray",
            vmin=WINDOW_HU[0],
            vmax=WINDOW_HU[1],
            origin="lower" if rows_go_forward else "upper",
        )
        largest_first = sorted(zip(segments, COLORS), key=lambda drawn: -int(drawn[0][1].sum()))
        for (_, mask), color in largest_first:
            if mask[plane].any():
                axis.contour(mask[plane], levels=[0.5], colors=[color], linewidths=1)
        axis.set_title(f"slice {plane + 1}", fontsize=9)
        axis.axis("off")
        if source.stack.row_direction_lps[0] < 0:
            axis.invert_xaxis()
    lines = [pyplot.Line2D([], [], color=color) for color in COLORS]
    figure.legend(lines, [name for name, _ in segments], loc="lower center", ncols=4, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.12, 1, 0.98))
    figure.savefig(picture)
    pyplot.close(figure)


def _read_with_highdicom(path: Path, source) -> list[tuple[str, np.ndarray]]:
    """Return name and mask, (planes, rows, columns), of each segment, placed by the source images it refers to."""
    seg = highdicom.seg.segread(path)
    uids = [frame.sop_instance_uid for frame in source.frames]
    pixels = seg.get_pixels_by_source_instance(
        uids, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    return [(seg.get_segment_description(n).segment_label, pixels[..., n - 1]) for n in seg.segment_numbers]

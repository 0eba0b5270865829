"""cornerstone3D in Node: what OHIF uses to open segmentations. One Node process reads file after file."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from peers.reading.found import CrashError, FoundSegment, MisreadError, segments_of_frames
from peers.reading.tools import RefusedError

_node: list[subprocess.Popen[str]] = []


def version(options: dict[str, Any]) -> str:
    """Start Node with the bundle; return the version of the package in it."""
    command = ["node", options["bundle"]]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    _node[:] = [subprocess.Popen(command, text=True, **pipes)]
    return str(options["version"])


def read(path: Path, options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments; with names and codes from the adapters, without them from the image loader."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    job = _job(path, dataset)
    told = _ask(job, options)
    if "error" in told:
        raise RefusedError(told["error"])
    if "frames" in told:
        frames = [_spread(pairs, (dataset.Rows, dataset.Columns)) for pairs in told["frames"]]
        return segments_of_frames(dataset, frames)
    return _segments(told, job)


def _job(path: Path, dataset: Any) -> dict[str, Any]:
    """Return what a viewer that shows the source images knows of them: only those that the file refers to."""
    images = {}
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        position = groups.PlanePositionSequence[0].ImagePositionPatient
        images[str(source.ReferencedSOPInstanceUID)] = [float(value) for value in position]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    return {
        "path": str(path),
        "images": [{"uid": uid, "position": position} for uid, position in images.items()],
        "series": str(dataset.ReferencedSeriesSequence[0].SeriesInstanceUID),
        "rows": dataset.Rows,
        "columns": dataset.Columns,
        "spacing": [float(value) for value in shared.PixelMeasuresSequence[0].PixelSpacing],
        "orientation": [float(value) for value in shared.PlaneOrientationSequence[0].ImageOrientationPatient],
    }


def _ask(job: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    node = _node[0]
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps(job) + "\n")
    node.stdin.flush()
    for line in node.stdout:
        if line.startswith("@"):
            return dict(json.loads(line[1:]))
    code = node.wait()
    version(options)
    raise CrashError(signal.Signals(-code).name if code < 0 else f"Node ends with exit code {code}")


def _spread(pairs: list[int], shape: tuple[int, int]) -> np.ndarray:
    frame = np.zeros(shape, dtype=np.int64)
    pixels = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    frame.flat[pixels[:, 0]] = pixels[:, 1]
    return frame


def _segments(told: dict[str, Any], job: dict[str, Any]) -> list[FoundSegment]:
    shown = np.concatenate([np.array(pixels, dtype=np.int64).reshape(-1, 3) for pixels in told["maps"]])
    described = {number: (name, code) for number, name, code in told["segments"] if number}
    unknown = set(shown[:, 2].tolist()) - set(described)
    if unknown:
        raise MisreadError(f"labels without a description are shown, the least: {min(unknown)}")
    return [
        FoundSegment(_points(shown[shown[:, 2] == number], job), number, name, code)
        for number, (name, code) in described.items()
    ]


def _points(shown: np.ndarray, job: dict[str, Any]) -> np.ndarray:
    positions = np.array([image["position"] for image in job["images"]])
    orientation = np.array(job["orientation"])
    rows, columns = np.divmod(shown[:, 1:2], job["columns"])
    along_row, along_column = orientation[:3] * job["spacing"][1], orientation[3:] * job["spacing"][0]
    return positions[shown[:, 0]] + rows * along_column + columns * along_row

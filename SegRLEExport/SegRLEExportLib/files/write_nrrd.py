"""NRRD in gzip: the header, and labels slice by slice; what all our NRRD files are written by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.files.gzipped import gzipped
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Labels


def write_nrrd(
    layers_kji: Sequence[Labels],
    geometry: Geometry,
    file: BinaryIO,
    *,
    comment: str = "",
    keys: Iterable[tuple[str, str]] = (),
) -> None:
    """Write label arrays (k, j, i) of one grid; several become a list that is the fastest axis.

    `keys` are written behind the fields in UTF-8, values in one line each (see `_escaped`).
    """
    dtype = np.dtype(np.result_type(*(labels.dtype for labels in layers_kji))).newbyteorder("<")
    lines = ["NRRD0004", *([f"# {comment}"] if comment else [])]
    lines += [f"{name}: {value}" for name, value in _fields(len(layers_kji), geometry, dtype.itemsize).items()]
    lines += [f"{name}:={_escaped(value)}" for name, value in keys]
    file.write(("\n".join(lines) + "\n\n").encode("utf-8"))
    with gzipped(file) as stream:
        for k in range(geometry.shape_kji[0]):
            planes = [np.ascontiguousarray(labels[k], dtype) for labels in layers_kji]
            stream.write((planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)).tobytes())


def _fields(layer_count: int, geometry: Geometry, bytes_a_voxel: int) -> dict[str, str]:
    sizes = [str(size) for size in geometry.shape_kji[::-1]]
    directions = [_vector(geometry.kji_to_lps[:3, axis]) for axis in (2, 1, 0)]
    kinds = ["domain"] * 3
    if layer_count > 1:
        sizes, directions, kinds = [str(layer_count), *sizes], ["none", *directions], ["list", *kinds]
    return {
        "type": "unsigned char" if bytes_a_voxel == 1 else "unsigned short",
        "dimension": str(len(sizes)),
        "space": "left-posterior-superior",
        "sizes": " ".join(sizes),
        "space directions": " ".join(directions),
        "kinds": " ".join(kinds),
        "endian": "little",
        "encoding": "gzip",
        "space origin": _vector(geometry.kji_to_lps[:3, 3]),
    }


def _vector(values: NDArray[np.float64]) -> str:
    return "({})".format(",".join(f"{value:.17g}" for value in values.tolist()))


def _escaped(value: str) -> str:
    r"""Return the value in one line: NRRD has `\\` and `\n` for what would end it."""
    return value.replace("\\", "\\\\").replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")

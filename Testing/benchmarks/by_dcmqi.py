"""dcmqi's converter from label maps to SEG, called without the wrapper that PyPI's package puts around it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path


def segimage_command(
    label_files: Sequence[Path], metadata: Path, series: Path, output: Path, *options: str
) -> list[str]:
    """Return the command line of itkimage2segimage."""
    return [
        str(_program()),
        "--inputImageList",
        ",".join(map(str, label_files)),
        "--inputMetadata",
        str(metadata),
        "--inputDICOMDirectory",
        str(series),
        "--outputDICOM",
        str(output),
        *options,
    ]


def _program() -> Path:
    package = find_spec("dcmqi")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("dcmqi")
    return Path(package.origin).parent / "bin" / "itkimage2segimage"

"""`segrle`: export, forecast, inspect and verify from a shell.

Libraries are imported by the command that needs them, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SegRLEExportLib

if TYPE_CHECKING:
    from SegRLEExportLib.model.segmentation import Segmentation
    from SegRLEExportLib.model.source_series import SourceSeries
    from SegRLEExportLib.options import ExportOptions

DIFFERENT = 1
"""Exit code of `verify` where file and segmentation differ, and of `inspect` where a file has faults."""

REFUSED = 2
"""Exit code where an error was reported: nothing was written."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

SURFACE_SUFFIXES = (".seg.vtm", ".seg.vtk")

ENCODING_IDS = ("rle", "none", "deflate", "labelmap", "labelmap-deflate", "rle-per-segment", "rle-binary")
"""Ids of `encoding.plan.PLANS`, here so that parsing needs no DICOM library; a test keeps them equal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parsed = _parser().parse_args(arguments)
    from SegRLEExportLib.errors import ExportError

    try:
        exit_code: int = parsed.command(parsed)
    except ExportError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("Interrupted. No file was left behind.", file=sys.stderr)
        return INTERRUPTED
    return exit_code


def _export(parsed: argparse.Namespace) -> int:
    from SegRLEExportLib.export import export

    segmentation = _segmentation(parsed)
    with _source(parsed, segmentation) as source, _ProgressLine(sys.stderr) as line:
        report = export(segmentation, source, parsed.output, options=_options(parsed), progress=line.update)
    _print(parsed, report)
    return 0


def _forecast(parsed: argparse.Namespace) -> int:
    from SegRLEExportLib.forecast import forecast, recommend
    from SegRLEExportLib.source.series import find_source

    segmentation = _segmentation(parsed)
    source = find_source(parsed.series_dir, segmentation, parsed.series)
    with _ProgressLine(sys.stderr) as line:
        measured = forecast(segmentation, source, _options(parsed), progress=line.update)
    advice = recommend(measured)
    if parsed.json:
        recommended = {"compression": advice.plan.id, "reason": advice.reason}
        _print_json({"forecasts": [one.to_json() for one in measured], "recommended": recommended})
        return 0
    for one in measured:
        files = "1 file " if one.files == 1 else f"{one.files} files"
        print(f"{one.plan.id:17} {one.bytes:>14,} bytes  {files}  {one.frames:>6} frames  {one.plan.title}")
    print(f"Recommended: {advice.plan.id}: {advice.reason}.")
    return 0


def _inspect(parsed: argparse.Namespace) -> int:
    from SegRLEExportLib.reading.inspection import inspect

    inspection = inspect(parsed.file)
    _print(parsed, inspection)
    return DIFFERENT if inspection.faults else 0


def _verify(parsed: argparse.Namespace) -> int:
    from SegRLEExportLib.errors import NotASegmentationFileError
    from SegRLEExportLib.source.series import find_source
    from SegRLEExportLib.verification.comparison import compare

    segmentation = _segmentation(parsed)
    source = find_source(parsed.series_dir, segmentation, parsed.series) if parsed.series_dir else None
    paths = sorted(parsed.file.glob("*.dcm")) if parsed.file.is_dir() else [parsed.file]
    if not paths:
        raise NotASegmentationFileError(parsed.file, "the folder has no .dcm file")
    comparison = compare(paths, segmentation, source)
    _print(parsed, comparison)
    return 0 if comparison.is_equal else DIFFERENT


def _segmentation(parsed: argparse.Namespace) -> Segmentation:
    """Return the segmentation of the file, with those segments alone that were asked for by name or id."""
    from SegRLEExportLib.errors import UnknownSegmentError

    segmentation = _read_segmentation(parsed.segmentation)
    if not parsed.segment:
        return segmentation
    unknown = [name for name in parsed.segment if not any(name in (s.id, s.name) for s in segmentation.segments)]
    if unknown:
        raise UnknownSegmentError(unknown, [segment.name for segment in segmentation.segments])
    return segmentation.only(
        [s.id for s in segmentation.segments if s.id in parsed.segment or s.name in parsed.segment]
    )


def _read_segmentation(path: Path) -> Segmentation:
    """Return the segmentation of a file; only surfaces are read with Slicer's own code."""
    if path.name.lower().endswith(SURFACE_SUFFIXES):
        from SegRLEExportLib.slicer_side.nodes.mrml_host import read_segmentation_file

        surfaces: Segmentation = read_segmentation_file(path)
        return surfaces
    from SegRLEExportLib.files.read import read_segmentation

    return read_segmentation(path)


def _source(parsed: argparse.Namespace, segmentation: Segmentation) -> AbstractContextManager[SourceSeries]:
    """Return the series in the folder, or the one made there of a volume that is not from DICOM."""
    if parsed.volume is None:
        from SegRLEExportLib.source.series import find_source

        return nullcontext(find_source(parsed.series_dir, segmentation, parsed.series))
    from SegRLEExportLib.slicer_side.nodes.volume import written_series

    return written_series(
        parsed.volume,
        parsed.series_dir,
        modality=parsed.modality,
        patient_name=parsed.patient_name,
        patient_id=parsed.patient_id,
    )


def _options(parsed: argparse.Namespace) -> ExportOptions:
    from SegRLEExportLib.options import ExportOptions, Grid

    return ExportOptions(
        compression=parsed.compression,
        series_description=parsed.series_description,
        series_number=parsed.series_number,
        content_label=parsed.content_label,
        content_description=parsed.content_description,
        content_creator_name=parsed.content_creator,
        grid=Grid(parsed.geometry),
        clip=parsed.clip,
        keep_empty_frames=parsed.keep_empty_frames,
        verify=not parsed.no_verify,
        overwrite=parsed.overwrite,
        strict=parsed.strict,
    )


def _print(parsed: argparse.Namespace, result: Any) -> None:
    if parsed.json:
        _print_json(result.to_json())
    else:
        print(result)


def _print_json(value: dict[str, Any]) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print()


class _ProgressLine:
    """One line that shows how far it is, on a terminal; nothing elsewhere."""

    _WIDTH = 40

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()

    def __enter__(self) -> _ProgressLine:
        return self

    def __exit__(self, *details: object) -> None:
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def update(self, fraction: float, stage: str) -> None:
        if self._is_shown:
            done = round(fraction * self._WIDTH)
            self._stream.write(f"\r\x1b[K[{'#' * done}{'.' * (self._WIDTH - done)}] {fraction:4.0%} {stage}")
            self._stream.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="segrle", description="Write 3D Slicer segmentations as DICOM SEG, and prove it by reading back."
    )
    parser.add_argument("--version", action="version", version=f"segrle {SegRLEExportLib.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    export = _command(commands, "export", _export, "write a segmentation as DICOM SEG")
    _add_input_arguments(export)
    export.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="file or folder to write")
    export.add_argument("-c", "--compression", choices=ENCODING_IDS, default=ENCODING_IDS[0])
    _add_option_arguments(export)
    _add_volume_arguments(export)
    forecast = _command(commands, "forecast", _forecast, "tell how large each encoding would be, without writing")
    _add_input_arguments(forecast)
    forecast.set_defaults(compression=ENCODING_IDS[0])
    _add_option_arguments(forecast)
    inspect = _command(commands, "inspect", _inspect, "tell what a SEG file is, of any program")
    inspect.add_argument("file", type=Path, metavar="FILE")
    verify = _command(commands, "verify", _verify, "compare a SEG, or a folder of them, with a segmentation")
    verify.add_argument("file", type=Path, metavar="FILE")
    _add_input_arguments(verify, is_series_needed=False)
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    parser.set_defaults(command=run)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _add_input_arguments(parser: argparse.ArgumentParser, *, is_series_needed: bool = True) -> None:
    parser.add_argument(
        "segmentation",
        type=Path,
        metavar="SEGMENTATION",
        help=".seg.nrrd, or a label map as .nrrd, .nii, .nii.gz or .mha",
    )
    parser.add_argument(
        "series_dir",
        type=Path,
        metavar="SERIES_DIR",
        nargs=None if is_series_needed else "?",
        help="folder with the DICOM images that were segmented; others may lie there too",
    )
    parser.add_argument("--series", metavar="UID", help="Series Instance UID, if the folder has several that fit")
    parser.add_argument("--segment", action="append", metavar="NAME", help="only this segment; may be repeated")


def _add_option_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--series-description", default="", help="default: the segmentation's name")
    parser.add_argument("--series-number", type=int, help="default: the source's + 100")
    parser.add_argument("--content-label", default="SEGMENTATION", help="up to 16 of A-Z, 0-9, space, underscore")
    parser.add_argument("--content-description", default="")
    parser.add_argument("--content-creator", default="", metavar="FAMILY^GIVEN")
    parser.add_argument(
        "--geometry", choices=("source", "segmentation"), default="source", help="the grid that frames lie on"
    )
    parser.add_argument("--clip", action="store_true", help="leave out what lies beyond the source images")
    parser.add_argument("--keep-empty-frames", action="store_true", help="write a frame for every plane")
    parser.add_argument("--no-verify", action="store_true", help="do not read the file back")
    parser.add_argument("--overwrite", action="store_true", help="replace a file of that name")
    parser.add_argument("--strict", action="store_true", help="refuse instead of repairing source headers")


def _add_volume_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "images that are not from DICOM", "SERIES_DIR is then a new folder, and the images are written there first."
    )
    group.add_argument("--volume", type=Path, metavar="VOLUME", help=".nrrd or NIfTI that was segmented")
    group.add_argument("--modality", choices=("CT", "MR", "OT"), default="OT", help="default: OT, other")
    group.add_argument("--patient-name", default="", metavar="FAMILY^GIVEN")
    group.add_argument("--patient-id", default="")

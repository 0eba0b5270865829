"""`segrle convert`: from wherever a segmentation comes to wherever it goes."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.cli.inputs import (
    ENCODING_IDS,
    add_choice_arguments,
    add_command,
    add_option_arguments,
    described_segmentation,
    input_path,
    output_name,
    read_options,
    segmentation_in,
)
from SegRLEExportLib.cli.terminal import ProgressLine, print_result
from SegRLEExportLib.cli.unused_options import OF_CONVERT

if TYPE_CHECKING:
    from SegRLEExportLib.convert import Conversion
    from SegRLEExportLib.model.segmentation import Segmentation
    from SegRLEExportLib.model.source_series import SourceSeries
    from SegRLEExportLib.progress import ProgressCallback

FORMATS = ("seg.nrrd", "nifti", "nrrd", "masks", "coco", *ENCODING_IDS)
"""Those of `conversion.formats`, here so that parsing needs no library; a test keeps them equal."""

USAGE = "convert INPUT [INPUT ...] [SERIES_DIR] -o OUT [options]"
EXAMPLE = "convert Segmentation.seg.nrrd ct-folder -o labels.nii.gz"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "convert", run, USAGE, EXAMPLE, needs=OF_CONVERT)
    parser.add_argument(
        "inputs",
        type=input_path,
        nargs="+",
        metavar="INPUT",
        help="a segmentation file, all DICOM SEG files of one export, several masks, or a folder with such files or "
        "masks; SERIES_DIR, the folder with the DICOM images or the file of one, may follow",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=output_name,
        required=True,
        metavar="OUT",
        help="file or folder to write; its name tells the format",
    )
    parser.add_argument(
        "--to",
        "-c",
        "--compression",
        dest="to",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}; default: by the name of OUT",
    )
    parser.add_argument(
        "--one-file-each",
        action="store_true",
        help="where segments overlap: write several label maps, none of them with an overlap, instead of stopping",
    )
    parser.add_argument(
        "--threshold",
        type=_share,
        metavar="SHARE",
        help="for FRACTIONAL DICOM SEG: voxels of at least this fraction, such as 0.5, belong to the segment",
    )
    parser.add_argument(
        "--images",
        choices=("dicom", "png"),
        default="dicom",
        help="what a COCO file names: the DICOM images (default), or 8-bit pictures of them that are written beside it",
    )
    parser.add_argument(
        "--window", type=_window, metavar="CENTRE,WIDTH", help="window of those pictures; default: that of each image"
    )
    add_choice_arguments(parser, "INPUT")
    add_option_arguments(parser)
    parser.set_defaults(compression=ENCODING_IDS[0])


def run(parsed: argparse.Namespace) -> int:
    """Convert, and print what was written."""
    with ProgressLine(sys.stderr) as line:
        conversion = converted(parsed, line.update)
    print_result(parsed, conversion)
    return 0


def converted(parsed: argparse.Namespace, progress: ProgressCallback | None = None) -> Conversion:
    """Write what was asked for; return what that was."""
    from SegRLEExportLib.conversion.pictures import CocoImages
    from SegRLEExportLib.convert import convert

    _refuse_folder_for_a_file(parsed)
    inputs, folder = _divided(parsed, parsed.inputs)
    if folder is None:
        _refuse_what_chooses_images(parsed)
    paths = [file for path in inputs for file in _files_of(path)]
    segmentation = described_segmentation(parsed, _read(parsed, paths, folder))
    return convert(
        segmentation,
        parsed.output,
        parsed.to,
        source=_source(parsed, paths, folder, segmentation),
        options=read_options(parsed),
        one_file_each=parsed.one_file_each,
        images=CocoImages(folder, parsed.images == "png", parsed.window),
        progress=progress,
    )


def _refuse_folder_for_a_file(parsed: argparse.Namespace) -> None:
    """End where a format of one file gets a name without suffix, as folders have."""
    from SegRLEExportLib.conversion.formats import suffix_for

    out = Path(parsed.output)
    suffix = suffix_for(parsed.to) if parsed.to and parsed.to not in ENCODING_IDS else ""
    if suffix and not out.suffix:
        parsed.refuse(f"argument -o: {out} is the name of a folder, and one file is written: name it {out}{suffix}")


def _refuse_what_chooses_images(parsed: argparse.Namespace) -> None:
    """End where an option is about images and none are given."""
    from SegRLEExportLib.conversion.formats import format_of, needs_images

    of_headers = () if needs_images(parsed.to or format_of(parsed.output)) else ("strict", "geometry")
    for name in ("series", "time", "clip", *of_headers):
        if getattr(parsed, name) != parsed.default_of(name):
            parsed.refuse(f"argument --{name}: it has no effect here: it is about images, and no SERIES_DIR is given")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share above 0 and up to 1, such as 0.5")
    return share


def _window(text: str) -> tuple[float, float]:
    """Return centre and width; the parser says the error's sentence."""
    try:
        centre, width = (float(number) for number in text.split(","))
    except ValueError:
        centre = width = math.nan
    if not (math.isfinite(centre) and math.isfinite(width) and width > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is not a centre and a width above 0, such as 40,400")
    return centre, width


def _divided(parsed: argparse.Namespace, inputs: list[Path]) -> tuple[list[Path], Path | None]:
    """Return the files of the segmentation, and the folder of images, or the one image, where the last is such.

    What is not there and has no suffix of a file was to be a folder.
    """
    from SegRLEExportLib.reading.folder import is_image

    last = inputs[-1]
    if len(inputs) > 1 and (last.is_dir() or not (last.suffix or last.exists()) or is_image(last)):
        return inputs[:-1], last
    if inputs[0].is_dir() and last.is_file():
        parsed.refuse(f"the segmentation comes first and the folder of its images last, not {inputs[0]} before {last}")
    return inputs, None


def _files_of(path: Path) -> list[Path]:
    """Return the DICOM SEG files of a folder, else the path itself."""
    from SegRLEExportLib.files.read import seg_files_in

    return (seg_files_in(path) if path.is_dir() else []) or [path]


def _read(parsed: argparse.Namespace, paths: list[Path], folder: Path | None) -> Segmentation:
    from SegRLEExportLib.files.read import read_masks
    from SegRLEExportLib.reading.header import is_dicom
    from SegRLEExportLib.reading.segmentation import segmentation_of

    files = [*paths, *(parsed.mask or [])]
    are_dicom = [path.is_file() and is_dicom(path) for path in files]
    if all(are_dicom):
        return segmentation_of(files, threshold=parsed.threshold)
    if any(are_dicom):
        parsed.refuse("DICOM SEG files are given together with other files: give the files of one segmentation")
    if parsed.threshold is not None:
        parsed.refuse(f"argument --threshold: it has no effect here: {files[0]} is no DICOM SEG with fractions")
    if len(files) > 1:
        return read_masks(files, files[0].resolve().parent.name)
    return segmentation_in(files[0], folder, parsed.series)


def _source(
    parsed: argparse.Namespace, paths: list[Path], folder: Path | None, segmentation: Segmentation
) -> SourceSeries | None:
    """Return the images: those of the folder, or what a DICOM SEG tells of them where images are needed."""
    from SegRLEExportLib.conversion.formats import format_of, needs_images
    from SegRLEExportLib.reading.header import is_dicom
    from SegRLEExportLib.reading.source import source_of
    from SegRLEExportLib.source.series import find_source

    if folder is not None:
        return find_source(folder, segmentation, parsed.series, time=parsed.time)
    wanted = parsed.to or format_of(parsed.output)
    return source_of(paths) if needs_images(wanted) and all(is_dicom(path) for path in paths) else None

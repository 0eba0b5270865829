"""Arguments that commands share, and what is read by them: segmentation, source images, options."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.cli.commands import COMMANDS

if TYPE_CHECKING:
    from SegRLEExportLib.model.geometry import Geometry
    from SegRLEExportLib.model.segmentation import Segmentation
    from SegRLEExportLib.model.source_series import SourceSeries
    from SegRLEExportLib.options import ExportOptions
    from SegRLEExportLib.writing.pending_files import PendingFiles

SURFACE_SUFFIXES = (".seg.vtm", ".seg.vtk")

ENCODING_IDS = ("rle", "none", "deflate", "labelmap", "labelmap-deflate", "rle-per-segment", "rle-binary")
"""Ids of `encoding.plan.PLANS`, here so that parsing needs no DICOM library; a test keeps them equal."""

LABEL_MAP_IDS = ("rle", "labelmap", "labelmap-deflate")
"""Those of them that are label maps; a test keeps them so."""

ALGORITHM_TYPES = ("MANUAL", "SEMIAUTOMATIC", "AUTOMATIC")
"""Values of `model.segmentation.AlgorithmType`, here for the same reason."""


ONE_SEGMENTATION = (
    "there is one SEGMENTATION and one SERIES_DIR; of several masks give their folder, or each further one with --mask"
)
"""Said of words too many."""

Needed = tuple[Callable[[argparse.Namespace], bool], str]
"""Whether an option has an effect among what was parsed, and what it needs for one, as a clause."""


def add_command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    usage: str,
    example: str,
    *,
    needs: Mapping[str, Needed] | None = None,
    of_more_words: str = "files and folders stand together, before the options",
) -> argparse.ArgumentParser:
    """Return the parser of a new command; `run` gets what was parsed and returns the exit code.

    `needs` says of options when they have an effect, `of_more_words` what is right where files stand that have no
    place in the usage. What was parsed has `refuse`, which ends with a sentence and how
    the command is used, and `default_of`, which tells what an option is where it was not given. Help begins with the
    usage and ends with the example, both the words behind `segrle`.
    """
    summary = COMMANDS[name]
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        usage=f"segrle {usage}",
        epilog=f"example: segrle {example}",
    )
    parser.set_defaults(command=run, needs=needs or {}, refuse=parser.error, default_of=parser.get_default)
    parser.set_defaults(of_more_words=of_more_words, options=lambda: [*parser._option_string_actions])
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def add_input_arguments(parser: argparse.ArgumentParser, *, is_series_needed: bool = True) -> None:
    """Add the segmentation, the folder of its images, and what chooses in them."""
    parser.add_argument(
        "segmentation",
        type=input_path,
        metavar="SEGMENTATION",
        help=".seg.nrrd, a DICOM SEG, a label map as .nrrd, .nhdr, .nii, .nii.gz, .mha or .mhd, a folder of masks, "
        "one file for each segment, or of the DICOM SEG files of one export",
    )
    parser.add_argument(
        "series_dir",
        type=input_path,
        metavar="SERIES_DIR",
        nargs=None if is_series_needed else "?",
        help="folder with the DICOM images that were segmented, where others may lie too, or the file of one image",
    )
    add_choice_arguments(parser)


def add_choice_arguments(parser: argparse.ArgumentParser, given: str = "SEGMENTATION") -> None:
    """Add what chooses among images and segments, and what is said of the segments; `given` names the segmentation."""
    _add_input_choices(parser.add_argument_group("input"), given)
    _add_segment_arguments(parser.add_argument_group("what is said of the segments"))


def _add_input_choices(group: argparse._ArgumentGroup, given: str) -> None:
    """Add what chooses among images, and among segments."""
    group.add_argument("--series", metavar="UID", help="Series Instance UID, if several series of the folder fit")
    group.add_argument(
        "--time",
        type=int,
        metavar="N",
        help="which time point, counted from 1, of images that have several at each place; default: the first",
    )
    group.add_argument(
        "--mask",
        type=input_path,
        action="append",
        metavar="FILE",
        help=f"one more mask file beside {given}, which is then the first; each mask becomes a segment named after its "
        "file; may be repeated",
    )
    group.add_argument("--segment", action="append", metavar="NAME", help="only this segment; may be repeated")


def _add_segment_arguments(group: argparse._ArgumentGroup) -> None:
    """Add names, codes, and who made the segments."""
    group.add_argument(
        "--segments",
        type=table_name,
        metavar="TABLE",
        help="names, codes and colours for label values: a table as .csv or .tsv, dcmqi's .json, Slicer's .ctbl, "
        "ITK-SNAP's label file, nnU-Net's dataset.json; or the word totalsegmentator or totalsegmentator-mr",
    )
    group.add_argument(
        "--algorithm-type",
        choices=ALGORITHM_TYPES,
        help="for all segments; default: what the file says, and MANUAL where it says nothing, as masks do",
    )
    group.add_argument("--algorithm-name", default="", metavar="NAME", help="the program or model that made them")
    group.add_argument(
        "--algorithm-version", default="", metavar="VERSION", help="of that program; written behind its name"
    )


def input_path(text: str) -> Path:
    """Return the path of what is to be read; the parser says the error's sentence. An empty one would mean here."""
    return Path(_not_empty(text, "file or folder"))


def table_name(text: str) -> str:
    """Return what names a table; the parser says the error's sentence."""
    return _not_empty(text, "table")


def _not_empty(text: str, what: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(
            f"the name of a {what} is needed, and this word is empty: is a variable unset?"
        )
    return text


def output_name(text: str) -> str:
    """Return what was given for OUT; the parser says the error's sentence."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name of what is to be written is empty")
    return text


def add_option_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what becomes `ExportOptions`."""
    add_text_arguments(parser)
    group = parser.add_argument_group("how it is written")
    add_shape_arguments(group)
    _add_file_arguments(group)


def add_text_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the file says of itself."""
    group = parser.add_argument_group("what the file says of itself")
    group.add_argument("--series-description", default="", metavar="TEXT", help="default: the segmentation's name")
    group.add_argument("--series-number", type=int, metavar="N", help="default: that of the images, plus 100")
    group.add_argument(
        "--content-label", default="SEGMENTATION", metavar="TEXT", help="up to 16 of A-Z, 0-9, space, underscore"
    )
    group.add_argument("--content-description", default="", metavar="TEXT", help="one line, up to 64 characters")
    group.add_argument("--content-creator", default="", metavar="FAMILY^GIVEN", help="who made the segmentation")


def add_shape_arguments(group: argparse._ArgumentGroup) -> None:
    """Add what decides what is in the file, and with it how large it is."""
    group.add_argument(
        "--geometry",
        choices=("source", "segmentation"),
        default="source",
        help="the grid of the frames: that of the images (default), or the segmentation's own",
    )
    group.add_argument(
        "--keep-values",
        action="store_true",
        help="number segments by their label values, not 1 to N (label maps only)",
    )
    group.add_argument(
        "--clip", action="store_true", help="leave out voxels that lie beyond the images, instead of stopping"
    )
    group.add_argument(
        "--keep-empty-frames", action="store_true", help="write a frame of every plane, also where it shows nothing"
    )
    group.add_argument(
        "--strict", action="store_true", help="refuse faulty headers of the images instead of repairing them"
    )


def _add_file_arguments(group: argparse._ArgumentGroup) -> None:
    """Add how the file gets its name."""
    proof = group.add_mutually_exclusive_group()
    proof.add_argument(
        "--verify",
        choices=("own", "others", "off"),
        default="own",
        help="who reads each file back and compares it, so that it is kept only if nothing differs: this program (own, "
        "default), also highdicom and dcmqi as 3D Slicer calls it (others), or nobody (off)",
    )
    proof.add_argument("--no-verify", dest="verify", action="store_const", const="off", help="the same as --verify off")
    group.add_argument("--overwrite", action="store_true", help="replace a file that has the name")


def add_volume_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what makes images of a volume that is not from DICOM."""
    group = parser.add_argument_group(
        "images that are not from DICOM",
        "SERIES_DIR is then a new folder; DICOM images of the volume are written there first.",
    )
    group.add_argument(
        "--volume", type=input_path, metavar="VOLUME", help="the volume that was segmented: .nrrd, NIfTI or .mha"
    )
    group.add_argument(
        "--modality", choices=("CT", "MR", "OT"), default="OT", help="what made the images; default: OT (other)"
    )
    group.add_argument("--patient-name", default="", metavar="FAMILY^GIVEN", help="written into the images")
    group.add_argument("--patient-id", default="", metavar="ID", help="written into the images")


def read_segmentation(parsed: argparse.Namespace) -> Segmentation:
    """Return the segmentation of the file, described and chosen from as the caller wants it."""
    return described_segmentation(parsed, _segmentation_of(parsed))


def described_segmentation(parsed: argparse.Namespace, segmentation: Segmentation) -> Segmentation:
    """Return the segmentation with what the caller says of its segments, and those alone that were asked for."""
    from SegRLEExportLib.errors import UnknownSegmentError

    segmentation = _described(parsed, segmentation)
    if not parsed.segment:
        return segmentation
    unknown = [name for name in parsed.segment if not any(name in (s.id, s.name) for s in segmentation.segments)]
    if unknown:
        raise UnknownSegmentError(unknown, [segment.name for segment in segmentation.segments])
    return segmentation.only(
        [s.id for s in segmentation.segments if s.id in parsed.segment or s.name in parsed.segment]
    )


def _described(parsed: argparse.Namespace, segmentation: Segmentation) -> Segmentation:
    """Return the segmentation with what the caller says of its segments."""
    from SegRLEExportLib.files.read import described_by
    from SegRLEExportLib.files.tables.describe import with_algorithm
    from SegRLEExportLib.model.segmentation import AlgorithmType

    if parsed.segments:
        segmentation = described_by(segmentation, parsed.segments)
    algorithm_type = AlgorithmType(parsed.algorithm_type) if parsed.algorithm_type else None
    return with_algorithm(segmentation, algorithm_type, parsed.algorithm_name, parsed.algorithm_version)


def _segmentation_of(parsed: argparse.Namespace) -> Segmentation:
    """Return the segmentation of a file, or of several masks."""
    path = parsed.segmentation
    _refuse_exchanged(parsed, path, parsed.series_dir)
    if parsed.mask:
        return _of_masks([path, *parsed.mask])
    return segmentation_in(path, parsed.series_dir, parsed.series, getattr(parsed, "volume", None))


def _refuse_exchanged(parsed: argparse.Namespace, first: Path, last: Path | None) -> None:
    """End with the order of words where a folder stands for the segmentation, and a file for its images."""
    from SegRLEExportLib.reading.header import is_dicom

    if last is not None and first.is_dir() and last.is_file() and not is_dicom(last):
        parsed.refuse(f"the segmentation comes first and the folder of its images last, not {first} before {last}")


def segmentation_in(
    path: Path, folder: Path | None, series_uid: str | None, volume: Path | None = None
) -> Segmentation:
    """Return the segmentation of one file or folder of masks.

    Only surfaces are read with Slicer's own code, onto the grid of the images in `folder`, or of `volume`.
    """
    if path.name.lower().endswith(SURFACE_SUFFIXES):
        from SegRLEExportLib.cli.surfaces import read_surfaces

        return read_surfaces(path, _grid_of_images(folder, series_uid, volume))
    from SegRLEExportLib.files import read

    return read.read_segmentation(path)


def _of_masks(paths: list[Path]) -> Segmentation:
    from SegRLEExportLib.files import read

    return read.read_masks(paths, paths[0].resolve().parent.name)


def _grid_of_images(folder: Path | None, series_uid: str | None, volume: Path | None) -> Geometry | None:
    """Return the grid of the images that surfaces were drawn on, if it is clear which they are: it is no condition."""
    from SegRLEExportLib.errors import ExportError
    from SegRLEExportLib.files.read import read_volume
    from SegRLEExportLib.source.series import read_series

    try:
        if volume is not None:
            return read_volume(volume).geometry
        if folder is None:
            return None
        found = [source for source in read_series(folder) if series_uid in (None, source.series_instance_uid)]
    except (ExportError, OSError):
        return None
    return found[0].stack.even_geometry if len(found) == 1 else None


def source_of(parsed: argparse.Namespace, segmentation: Segmentation, files: PendingFiles) -> SourceSeries:
    """Return the series in the folder, or one of a volume that is not from DICOM, which `files` will put there."""
    if parsed.volume is None:
        from SegRLEExportLib.source.series import find_source

        return find_source(parsed.series_dir, segmentation, parsed.series, time=parsed.time)
    from SegRLEExportLib.errors import UnwritableVolumeError
    from SegRLEExportLib.files.read import read_volume
    from SegRLEExportLib.writing.image_series import write_image_series

    volume = read_volume(parsed.volume)
    _refuse_used_folder(parsed.series_dir)
    try:
        source = write_image_series(
            volume.voxels_kji,
            volume.geometry,
            parsed.series_dir,
            modality=parsed.modality,
            patient_name=parsed.patient_name,
            patient_id=parsed.patient_id,
            files=files,
        )
    except UnwritableVolumeError as error:
        raise error.of(str(parsed.volume)) from error
    return replace(source, findings=(*volume.findings, *source.findings))


def _refuse_used_folder(folder: Path) -> None:
    """Refuse a folder that has files: a series of two sources would be one of none."""
    from SegRLEExportLib.errors import TargetFolderError
    from SegRLEExportLib.writing.names import folder_error

    try:
        is_used = os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise folder_error(folder, error) from error
    if is_used:
        raise TargetFolderError(folder, "the images of the volume need a new or an empty folder")


def read_options(parsed: argparse.Namespace) -> ExportOptions:
    """Return the options that were parsed."""
    from SegRLEExportLib.options import ExportOptions, Grid

    return ExportOptions(
        compression=parsed.compression,
        series_description=parsed.series_description,
        series_number=parsed.series_number,
        content_label=parsed.content_label,
        content_description=parsed.content_description,
        content_creator_name=parsed.content_creator,
        grid=Grid(parsed.geometry),
        keep_values=parsed.keep_values,
        clip=parsed.clip,
        keep_empty_frames=parsed.keep_empty_frames,
        verify=parsed.verify,
        overwrite=parsed.overwrite,
        strict=parsed.strict,
    )

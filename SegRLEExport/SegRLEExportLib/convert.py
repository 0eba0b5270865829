"""From wherever a segmentation comes to wherever it goes: a file in, files out, each read back and compared."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from SegRLEExportLib.conversion.coco_file import write_coco
from SegRLEExportLib.conversion.formats import (
    COCO,
    FILE_FORMATS,
    MASKS,
    WrittenFile,
    format_of,
    refuse_name_of_another,
)
from SegRLEExportLib.conversion.pictures import PICTURE_SUFFIX, CocoImages
from SegRLEExportLib.conversion.placement import findings_on_images, invented_place
from SegRLEExportLib.conversion.volumes import VolumeFiles, renamed_findings
from SegRLEExportLib.dataset.segment_findings import incomplete_code_findings
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import PreflightError, SourceNeededError, UnknownFormatError
from SegRLEExportLib.export import export
from SegRLEExportLib.files.one_grid import on_grid_of, on_own_grid
from SegRLEExportLib.files.read import possible_masks
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, Severity, errors_in, one_for_each_cause
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions, Grid
from SegRLEExportLib.preflight.origin import origin_findings
from SegRLEExportLib.preflight.survey import strictly_judged
from SegRLEExportLib.progress import Progress, ProgressCallback
from SegRLEExportLib.report import Report, size_text
from SegRLEExportLib.writing.kept import kept_findings, kept_masks


@dataclass(frozen=True)
class Conversion:
    """What a conversion wrote."""

    format: str
    files: tuple[WrittenFile, ...]
    segments: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float
    report: Report | None = None
    """Of a DICOM SEG: who opens it, among others."""

    @property
    def is_compared(self) -> bool:
        """Whether the files were read back and compared; only DICOM SEG can go without."""
        return self.report is None or self.report.is_verified

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that were written."""
        return tuple(file.path for file in self.files)

    def __str__(self) -> str:
        if self.report is not None:
            return str(replace(self.report, findings=self.findings))
        segments = counted(len(self.segments), "segment")
        lines = [f"{self.format}: {segments}, read back and compared, {self.seconds:.2f} s"]
        lines.extend(self._file_lines())
        lines.extend(f"  {finding}" for finding in one_for_each_cause(self.findings))
        return printable_lines(lines)

    def _file_lines(self) -> Iterator[str]:
        """Yield a line for each file, and one for the folder of all pictures: there is one for each image."""
        pictures = [file for file in self.files if file.path.suffix == PICTURE_SUFFIX]
        others = [file for file in self.files if file.path.suffix != PICTURE_SUFFIX]
        yield from (f"  {file.path}: {size_text(file.bytes)}" for file in others)
        if pictures:
            count = counted(len(pictures), "picture")
            yield f"  {pictures[0].path.parent}: {count}, {size_text(sum(file.bytes for file in pictures))}"

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON object."""
        return {
            "format": self.format,
            "files": [{"path": str(file.path), "bytes": file.bytes} for file in self.files],
            "segments": list(self.segments),
            "findings": [finding.to_json() for finding in self.findings],
            "verified": self.is_compared,
            "seconds": round(self.seconds, 4),
            **({} if self.report is None else self.report.readers_json()),
        }


def convert(
    segmentation: Segmentation,
    out: Path | str,
    to: str | None = None,
    *,
    source: SourceSeries | None = None,
    options: ExportOptions | None = None,
    one_file_each: bool = False,
    images: CocoImages | None = None,
    progress: ProgressCallback | None = None,
) -> Conversion:
    """Write `segmentation` as another kind of file, read that back, compare it, and only then give it its name.

    `to` is one of `FILE_FORMATS` or the id of an encoding (a row of `PLANS`); without it the name of `out` tells.
    With `source` volumes are written on the grid of its images, unless `options.grid` says the segmentation's own;
    DICOM SEG and COCO need it. Voxels beyond the images refuse the conversion unless `options.clip`. `one_file_each`
    writes a label map for each set of segments that do not overlap. `images` says how a COCO file names its images.

    Raises a class of `errors.ExportError`; then no file is left.
    """
    started = time.perf_counter()
    target = Path(out)
    wanted = to or format_of(out)
    options = options or ExportOptions()
    refuse_name_of_another(out, wanted)
    if wanted in PLANS:
        return _as_dicom(segmentation, out, wanted, source, options, progress, started)
    if wanted not in FILE_FORMATS:
        raise UnknownFormatError(wanted, [*FILE_FORMATS, *PLANS])
    if wanted == COCO and source is None:
        raise SourceNeededError("A COCO file names the DICOM images that its masks lie on")
    if wanted != COCO and options.grid is Grid.SEGMENTATION:
        source = None
    segmentation = segmentation.on_images(have_place=source is None or source.stack.has_place)
    findings = _told(segmentation, source, wanted, options)
    if source:
        findings += findings_on_images(segmentation, source, options, Progress(progress))
    if wanted == COCO and source:
        files, replaced = write_coco(segmentation, source, target, images or CocoImages(), overwrite=options.overwrite)
        findings += replaced
    else:
        placed = on_grid_of(source.stack, segmentation) if source else on_own_grid(segmentation)
        job = VolumeFiles(placed, target, overwrite=options.overwrite, keep_values=options.keep_values)
        files, kept = _written(job, out, wanted, one_file_each=one_file_each)
        findings += (*invented_place(segmentation, source), *kept)
        findings += tuple(renamed_findings(segmentation.segments)) if wanted == MASKS else ()
    names = tuple(segment.name for segment in segmentation.segments)
    return Conversion(wanted, files, names, findings, time.perf_counter() - started)


def _told(
    segmentation: Segmentation, source: SourceSeries | None, wanted: str, options: ExportOptions
) -> tuple[Finding, ...]:
    """Return what reading had to say of the segmentation and of images that count; refuse what are errors.

    Whose the images are matters where they are named, and not where a volume lies on their grid alone.
    """
    of_images = source.findings if source else ()
    if wanted != COCO:
        of_images = tuple(finding for finding in of_images if finding.severity is not Severity.ERROR)
    findings = tuple(strictly_judged((*segmentation.findings, *of_images), options))
    if errors := errors_in(findings):
        raise PreflightError(errors)
    findings = (*findings, *incomplete_code_findings(segmentation))
    return (*findings, *origin_findings(segmentation, source)) if source else findings


def _written(
    job: VolumeFiles, out: Path | str, wanted: str, *, one_file_each: bool
) -> tuple[tuple[WrittenFile, ...], tuple[Finding, ...]]:
    """Write volumes; return the files, and what is to be told of those that were there before."""
    masks = possible_masks(Path(out)) if wanted == MASKS and os.path.isdir(out) else []
    files = job.write(wanted, one_file_each=one_file_each)
    paths = [file.path for file in files]
    return files, tuple(kept_masks(masks, paths) if wanted == MASKS else kept_findings(out, paths))


def _as_dicom(
    segmentation: Segmentation,
    out: Path | str,
    encoding: str,
    source: SourceSeries | None,
    options: ExportOptions,
    progress: ProgressCallback | None,
    started: float,
) -> Conversion:
    if source is None:
        raise SourceNeededError("DICOM SEG refers to images")
    report = export(segmentation, source, out, encoding, options=options, progress=progress)
    files = tuple(WrittenFile(instance.path, instance.bytes) for instance in report.instances)
    names = tuple(segment.name for segment in segmentation.segments)
    seconds = time.perf_counter() - started
    return Conversion(encoding, files, names, report.findings, seconds, report)

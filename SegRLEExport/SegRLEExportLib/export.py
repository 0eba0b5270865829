"""The whole trip on one page: a segmentation and its source go in, verified SEG files come out."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from SegRLEExportLib.conversion.formats import refuse_name_of_another
from SegRLEExportLib.dataset.contents import SeriesIdentity
from SegRLEExportLib.dataset.segment_texts import label_of
from SegRLEExportLib.encoding.encapsulation import OffsetOverflowError
from SegRLEExportLib.encoding.pixel_size import pixel_bytes
from SegRLEExportLib.encoding.plan import PLANS, EncodingPlan
from SegRLEExportLib.errors import UnknownEncodingError
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions, Verify
from SegRLEExportLib.other_readers.comparison import Wanted, WantedSegment
from SegRLEExportLib.other_readers.proof import read_by_others, refuse_different
from SegRLEExportLib.preflight.survey import Survey, survey
from SegRLEExportLib.progress import Progress, ProgressCallback
from SegRLEExportLib.report import Report, Sight, Verification, WrittenInstance, WrittenSegment
from SegRLEExportLib.source.series import find_source
from SegRLEExportLib.verification.check import Check
from SegRLEExportLib.verification.order import OneFile, Order
from SegRLEExportLib.writing.draft import Draft
from SegRLEExportLib.writing.instance import write_instance
from SegRLEExportLib.writing.kept import kept_findings
from SegRLEExportLib.writing.names import file_paths, least_bytes, prepare_folder
from SegRLEExportLib.writing.pending_files import PendingFiles


def export(
    segmentation: Segmentation,
    source: SourceSeries | Path | str,
    path: Path | str,
    compression: str | None = None,
    *,
    options: ExportOptions | None = None,
    progress: ProgressCallback | None = None,
    files: PendingFiles | None = None,
) -> Report:
    """Write `segmentation` as DICOM SEG, read it back, compare it, and only then give the files their names.

    `source` is the series that was segmented, or the folder with its files. `path` is a file to write, or a
    folder, where names carry the SOP Instance UID. `compression` is the id of a row of `PLANS` and goes before
    the one in `options`. `progress` is called with a fraction and a text, and cancels by returning False.
    `files` are others that appear together with these, or not at all: the images that a SEG refers to.

    Raises a class of `errors.ExportError`; then no file is left, and nothing that was given was changed.
    """
    started = time.perf_counter()
    options = options or ExportOptions()
    if compression is not None:
        options = replace(options, compression=compression)
    plan = plan_of(options)
    refuse_name_of_another(path, plan.id)
    if not isinstance(source, SourceSeries):
        source = find_source(Path(source), segmentation)
    steps = Progress(progress)

    found = survey(segmentation, source, plan, options, steps)
    found.refuse_errors()
    drafts = drafts_of(plan, found, options)
    written = _write_verified(drafts, path, steps, files)
    return Report(
        plan=plan,
        source_series=source.description,
        instances=written,
        findings=(*found.findings, *kept_findings(path, [instance.path for instance in written])),
        bit_packed_bytes=pixel_bytes(int((found.index.voxels > 0).sum()), found.stack, 1),
        seconds=time.perf_counter() - started,
        not_read_by=found.not_read_by,
    )


def drafts_of(plan: EncodingPlan, found: Survey, options: ExportOptions) -> list[Draft]:
    """Return the instances that `plan` makes of the segments, each a new series."""
    instances = found.instances(plan, options)
    identities = SeriesIdentity.made_by(options, len(instances))
    return [
        Draft(plan, found, options, identity, instance, options.new_uid())
        for identity, instance in zip(identities, instances)
    ]


def plan_of(options: ExportOptions) -> EncodingPlan:
    """Return the row of the table that `options` name; raises `UnknownEncodingError`."""
    if options.compression not in PLANS:
        raise UnknownEncodingError(options.compression, PLANS)
    return PLANS[options.compression]


def _write_verified(
    drafts: list[Draft], target: Path | str, steps: Progress, others: PendingFiles | None
) -> tuple[WrittenInstance, ...]:
    overwrite = drafts[0].options.overwrite
    folder = prepare_folder(target, sum(least_bytes(draft) for draft in drafts))
    paths = file_paths(target, [draft.sop_uid for draft in drafts], overwrite=overwrite)
    check = None if drafts[0].options.verify is Verify.OFF else Check(_order(drafts[0]))
    written = []
    with nullcontext(others) if others else PendingFiles(overwrite=overwrite) as files:
        files.make_folder(folder)
        for number, (draft, path) in enumerate(zip(drafts, paths), start=1):
            steps.stage("Writing", 0.2 + 0.8 * (number - 0.5) / len(drafts), draft.instance.frame_count)
            _write(files, path, draft, steps)
            steps.stage("Reading back and comparing", 0.2 + 0.8 * number / len(drafts), draft.instance.frame_count)
            which = OneFile(number, len(drafts), draft.identity.series_uid, draft.sop_uid, _voxels(draft))
            verification = None if check is None else check.verify(files.part_of(path), which, steps)
            sights = _sights(files.part_of(path), draft)
            written.append(_written(draft, path, files.size(path), verification, sights))
        files.publish()
    return tuple(written)


def _voxels(draft: Draft) -> int:
    return int(draft.survey.index.segment_voxels[list(draft.instance.segment_positions)].sum())


def _order(draft: Draft) -> Order:
    """Return what the caller asked for, and nothing of how it is carried out: the files are checked against it."""
    found = draft.survey
    return Order(found.segmentation, found.source, draft.options, draft.plan, draft.identity.now, found.findings)


def _write(files: PendingFiles, path: Path, draft: Draft, steps: Progress) -> None:
    """Write one file; with an Extended Offset Table only if 32 bits do not suffice, as few readers know it."""
    try:
        with files.create(path) as sink:
            write_instance(sink, draft, steps)
    except OffsetOverflowError:
        with files.create(path, anew=True) as sink:
            write_instance(sink, draft, steps, extended_offsets=True)


def _sights(path: Path, draft: Draft) -> tuple[Sight, ...]:
    """Return what other people's programs see in the file, if they are to be asked."""
    if draft.options.verify is not Verify.OTHERS:
        return ()
    found = draft.survey
    segments = [
        WantedSegment(
            number,
            label_of(found.segmentation.segments[position].name, number),
            position,
            int(found.index.segment_voxels[position]),
        )
        for position, number in draft.instance.numbers.items()
    ]
    sights = read_by_others(path, draft.plan.id, Wanted(found.segmentation, segments, found.stack, found.layers))
    refuse_different(path, sights)
    return sights


def _written(
    draft: Draft, path: Path, size: int, verification: Verification | None, sights: tuple[Sight, ...]
) -> WrittenInstance:
    return WrittenInstance(
        path,
        draft.identity.series_uid,
        draft.sop_uid,
        size,
        draft.instance.frame_count,
        _segments(draft),
        verification,
        sights,
    )


def _segments(draft: Draft) -> tuple[WrittenSegment, ...]:
    found = draft.survey
    return tuple(
        WrittenSegment(number, found.segmentation.segments[position].name, int(found.index.segment_voxels[position]))
        for position, number in draft.instance.numbers.items()
    )

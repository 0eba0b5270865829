"""The whole trip on one page: a segmentation and its source go in, verified SEG files come out."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from SegRLEExportLib.dataset.build import SeriesIdentity
from SegRLEExportLib.encoding.encapsulation import OffsetOverflowError
from SegRLEExportLib.encoding.plan import PLANS, EncodingPlan
from SegRLEExportLib.errors import UnknownEncodingError
from SegRLEExportLib.instances import Instance, divide
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.preflight import Survey, survey
from SegRLEExportLib.progress import Progress, ProgressCallback
from SegRLEExportLib.report import Report, Verification, WrittenInstance, WrittenSegment
from SegRLEExportLib.seg_file import PendingFiles
from SegRLEExportLib.source_reader import find_source
from SegRLEExportLib.target import file_paths, least_bytes, pixel_bytes, prepare_folder
from SegRLEExportLib.verification import Expectation, verify
from SegRLEExportLib.writing import write_instance


def export(
    segmentation: Segmentation,
    source: SourceSeries | Path | str,
    path: Path | str,
    compression: str | None = None,
    *,
    options: ExportOptions | None = None,
    progress: ProgressCallback | None = None,
) -> Report:
    """Write `segmentation` as DICOM SEG, read it back, compare it, and only then give the files their names.

    `source` is the series that was segmented, or the folder with its files. `path` is a file to write, or a
    folder, where names carry the SOP Instance UID. `compression` is the id of a row of `PLANS` and goes before
    the one in `options`. `progress` is called with a fraction and a text, and cancels by returning False.

    Raises a class of `errors.ExportError`; then no file is left, and nothing that was given was changed.
    """
    started = time.perf_counter()
    options = options or ExportOptions()
    if compression is not None:
        options = replace(options, compression=compression)
    plan = plan_of(options)
    if not isinstance(source, SourceSeries):
        source = find_source(Path(source), segmentation)
    steps = Progress(progress)

    found = survey(segmentation, source, plan, options, steps)
    found.refuse_errors()
    instances = divide(plan, found.index, found.overlaps, keep_empty_frames=options.keep_empty_frames)
    written = _write_verified(plan, found, instances, options, Path(path), steps)
    return Report(
        plan=plan,
        series_instance_uid=written[0],
        source_series=source.description,
        instances=written[1],
        findings=found.findings,
        bit_packed_bytes=pixel_bytes(int((found.index.voxels > 0).sum()), found.stack, 1),
        seconds=time.perf_counter() - started,
    )


def plan_of(options: ExportOptions) -> EncodingPlan:
    """Return the row of the table that `options` name; raises `UnknownEncodingError`."""
    if options.compression not in PLANS:
        raise UnknownEncodingError(options.compression, PLANS)
    return PLANS[options.compression]


def _write_verified(
    plan: EncodingPlan,
    found: Survey,
    instances: list[Instance],
    options: ExportOptions,
    target: Path,
    steps: Progress,
) -> tuple[str, tuple[WrittenInstance, ...]]:
    """Return the Series Instance UID and what was written."""
    identity = SeriesIdentity(options.new_uid(), options.new_uid(), found.copied, found.source_frames, options.now())
    sop_uids = [options.new_uid() for _ in instances]
    needed = sum(
        least_bytes(plan, i.frame_count, found.stack, plan.bits_allocated(len(i.segment_positions))) for i in instances
    )
    folder = prepare_folder(target, needed)
    paths = file_paths(target, sop_uids, overwrite=options.overwrite)
    written = []
    with ExitStack() as undo, PendingFiles(overwrite=options.overwrite) as files:
        if not folder.exists():
            folder.mkdir()
            undo.callback(folder.rmdir)
        for instance, path, sop_uid in zip(instances, paths, sop_uids):
            share = 0.2 + 0.8 * instance.number / len(instances)
            steps.stage("Writing", share - 0.4 / len(instances), instance.frame_count)
            _write(files, path, plan, found, instance, options, identity, sop_uid, steps)
            verification = None
            if options.verify:
                steps.stage("Reading back and comparing", share, instance.frame_count)
                verification = _verify(files.unverified(path), plan, found, instance, steps)
            size = files.unverified(path).stat().st_size
            written.append(_written(path, sop_uid, size, instance, found, verification))
        files.publish()
        undo.pop_all()
    return identity.series_uid, tuple(written)


def _write(
    files: PendingFiles,
    path: Path,
    plan: EncodingPlan,
    found: Survey,
    instance: Instance,
    options: ExportOptions,
    identity: SeriesIdentity,
    sop_uid: str,
    steps: Progress,
) -> None:
    """Write one file; with an Extended Offset Table only if 32 bits do not suffice, as few readers know it."""
    try:
        with files.create(path) as sink:
            write_instance(sink, plan, found, instance, options, identity, sop_uid, steps)
    except OffsetOverflowError:
        with files.create(path) as sink:
            write_instance(sink, plan, found, instance, options, identity, sop_uid, steps, extended_offsets=True)


def _verify(path: Path, plan: EncodingPlan, found: Survey, instance: Instance, steps: Progress) -> Verification:
    expectation = Expectation(
        plan=plan,
        instance=instance,
        segmentation=found.segmentation,
        index=found.index,
        positions_lps=found.stack.positions_lps,
        source_instance_uids=tuple(frame.sop_instance_uid if frame else "" for frame in found.source_frames),
        source_series_uid=found.source.series_instance_uid,
    )
    return verify(path, expectation, steps)


def _written(
    path: Path, sop_uid: str, size: int, instance: Instance, found: Survey, verification: Verification | None
) -> WrittenInstance:
    segments = tuple(
        WrittenSegment(number, found.segmentation.segments[position].name, int(found.index.segment_voxels[position]))
        for position, number in instance.numbers.items()
    )
    return WrittenInstance(path, sop_uid, size, instance.frame_count, segments, verification)

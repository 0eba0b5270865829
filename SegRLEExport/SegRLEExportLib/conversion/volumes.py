"""One segmentation as volumes: `.seg.nrrd`, label maps or a mask for each segment, and a table of names and codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from SegRLEExportLib.conversion.formats import MASKS, NIFTI, NRRD, SEG_NRRD, WrittenFile, suffix_of
from SegRLEExportLib.conversion.label_values import values_of, without_overlap
from SegRLEExportLib.conversion.read_back import is_nifti_of, is_nrrd_of, is_seg_nrrd_of
from SegRLEExportLib.errors import ReadBackDiffersError, UnknownFormatError, UnwritableSegmentationError
from SegRLEExportLib.files.tables.beside import TABLE_OF_MASKS
from SegRLEExportLib.files.tables.delimited import written_table
from SegRLEExportLib.files.tables.row import SegmentRow, plain_name, row_of
from SegRLEExportLib.files.write_nifti import write_nifti
from SegRLEExportLib.files.write_nrrd import write_nrrd
from SegRLEExportLib.files.write_seg_nrrd import write_seg_nrrd
from SegRLEExportLib.model.counted import first_of
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Labels, Segment, Segmentation, voxels_of_values
from SegRLEExportLib.writing.names import usable_folder
from SegRLEExportLib.writing.pending_files import PendingFiles

_RENAMED_SHOWN = 3


class VolumeFiles:
    """The files of one segmentation whose layers lie on one grid."""

    def __init__(self, segmentation: Segmentation, target: Path, *, overwrite: bool, keep_values: bool = False) -> None:
        self._segmentation = segmentation
        self._target = target
        self._keep_values = keep_values
        self._pending = PendingFiles(overwrite=overwrite)
        self._written: list[WrittenFile] = []

    def write(self, wanted: str, *, one_file_each: bool) -> tuple[WrittenFile, ...]:
        """Write, read back, compare, publish."""
        with self._pending as files:
            files.make_folder(usable_folder(self._target if wanted == MASKS else self._target.parent))
            if wanted == SEG_NRRD:
                self._seg_nrrd()
            elif wanted == MASKS:
                self._masks()
            elif wanted in (NIFTI, NRRD):
                self._label_maps(wanted, one_file_each=one_file_each)
            else:
                raise UnknownFormatError(wanted, [SEG_NRRD, NIFTI, NRRD, MASKS])
            files.publish()
        return tuple(self._written)

    def _create(self, path: Path, write: Callable[[BinaryIO], object]) -> Path:
        with self._pending.create(path) as sink:
            write(cast(BinaryIO, sink))
        self._written.append(WrittenFile(path, self._pending.size(path)))
        return self._pending.part_of(path)

    def _seg_nrrd(self) -> None:
        alone = of_its_segments_alone(self._segmentation)
        written = self._create(self._target, lambda file: write_seg_nrrd(alone, file))
        if not is_seg_nrrd_of(written, alone):
            raise ReadBackDiffersError(self._target)

    def _masks(self) -> None:
        segments = self._segmentation.segments
        names = file_names(segments)
        for segment, name in zip(segments, names):
            labels = self._segmentation.layers[segment.layer_index].labels_kji == segment.layer_value
            self._volume(self._target / f"{name}.nii.gz", labels.view(np.uint8), NIFTI)
        rows = (replace(row_of(segment), value=None, name=name) for segment, name in zip(segments, names))
        self._table(self._target / TABLE_OF_MASKS, rows)

    def _label_maps(self, wanted: str, *, one_file_each: bool) -> None:
        groups = without_overlap(self._segmentation)
        if len(groups) > 1 and not one_file_each:
            first, second = (self._segmentation.segments[group[0]].name for group in groups[:2])
            raise UnwritableSegmentationError(
                self._segmentation.name,
                f"segments overlap ('{second}' and others before it, such as '{first}'), which one label map cannot "
                "hold",
                Remedy.SEVERAL_FILES,
            )
        for number, group in enumerate(groups, start=1):
            suffix = suffix_of(self._target)
            stem = self._target.name.removesuffix(suffix) + (f"_{number}" if len(groups) > 1 else "")
            table_name = f"{stem}.csv" if suffix.lower() != ".csv" else f"{stem}.names.csv"
            values = values_of(self._segmentation, group, keep=self._keep_values)
            self._volume(self._target.with_name(stem + suffix), self._painted(values), wanted)
            rows = (row_of(self._segmentation.segments[position], value) for position, value in values.items())
            self._table(self._target.with_name(table_name), rows)

    def _table(self, path: Path, rows: Iterable[SegmentRow]) -> None:
        content = written_table(rows).encode("utf-8")
        self._create(path, lambda file: file.write(content))

    def _painted(self, values: dict[int, int]) -> Labels:
        """Return one volume in which each segment has its value."""
        dtype = np.uint8 if max(values.values(), default=0) <= np.iinfo(np.uint8).max else np.uint16
        layers = {self._segmentation.segments[position].layer_index for position in values}
        if len(layers) == 1 and all(self._segmentation.segments[p].layer_value == v for p, v in values.items()):
            (layer,) = layers
            whole = self._segmentation.layers[layer].labels_kji
            if len(values) == sum(one.layer_index == layer for one in self._segmentation.segments):
                return whole
        painted: Labels = np.zeros(self._segmentation.layers[0].labels_kji.shape, dtype)
        for position, value in values.items():
            segment = self._segmentation.segments[position]
            labels = self._segmentation.layers[segment.layer_index].labels_kji
            np.copyto(painted, dtype(value), where=labels == segment.layer_value)
        return painted

    def _volume(self, path: Path, labels: Labels, wanted: str) -> None:
        geometry = self._segmentation.layers[0].geometry
        if wanted == NRRD:
            written = self._create(path, lambda file: write_nrrd([labels], geometry, file))
            is_same = is_nrrd_of(written, [labels], geometry)
        else:
            is_compressed = path.name.lower().endswith(".gz")
            written = self._create(path, lambda file: write_nifti(labels, geometry, file, is_compressed=is_compressed))
            is_same = is_nifti_of(written, labels, geometry, is_compressed=is_compressed)
        if not is_same:
            raise ReadBackDiffersError(path)


def of_its_segments_alone(segmentation: Segmentation) -> Segmentation:
    """Return the segmentation without voxels that belong to no segment of it, and without layers that none uses."""
    used = sorted({segment.layer_index for segment in segmentation.segments}) or [0]
    layers = []
    for index in used:
        values = [segment.layer_value for segment in segmentation.segments if segment.layer_index == index]
        layer = segmentation.layers[index]
        others = np.flatnonzero(voxels_of_values(layer.labels_kji)).tolist()
        if set(others) - {0, *values}:
            kept = np.where(np.isin(layer.labels_kji, values), layer.labels_kji, 0).astype(layer.labels_kji.dtype)
            layer = replace(layer, labels_kji=kept)
        layers.append(layer)
    segments = tuple(replace(one, layer_index=used.index(one.layer_index)) for one in segmentation.segments)
    return replace(segmentation, layers=tuple(layers), segments=segments)


def renamed_findings(segments: Sequence[Segment]) -> Iterator[Finding]:
    """Tell of masks that could not be called as their segments are: a folder of masks has no other names."""
    renamed = [
        f"'{segment.name}' is in {name}.nii.gz"
        for segment, name in zip(segments, file_names(segments))
        if name != segment.name
    ]
    if renamed:
        yield Finding(
            "mask-renamed",
            Severity.NOTE,
            f"Not all files could get the names of their segments: {first_of(renamed, _RENAMED_SHOWN)}.",
            details=tuple(renamed),
        )


def file_names(segments: Sequence[Segment]) -> list[str]:
    """Return a file name for each segment, of its name, no two alike in a table, and each allowed everywhere."""
    names: list[str] = []
    taken: set[str] = set()
    for number, segment in enumerate(segments, start=1):
        plain = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "_", segment.name).strip(" .")[:100] or f"segment_{number}"
        name, count = plain, 1
        while plain_name(name) in taken:
            count += 1
            name = f"{plain}_{count}"
        taken.add(plain_name(name))
        names.append(name)
    return names

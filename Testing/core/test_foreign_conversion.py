"""Every DICOM SEG of other programs becomes RLE and .seg.nrrd in one call, with the voxels others see in the result.

That what is read of them is right, by pydicom, highdicom and the truth, is `test_foreign_files` and below.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import highdicom
import numpy as np
import pytest
from builders import lps_of_voxels
from foreign_files import THRESHOLD, masks_of_highdicom, seg_files
from SegRLEExportLib.cli import main
from SegRLEExportLib.model.segmentation import Segment, Segmentation
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.source.series import read_series

Places = np.ndarray
"""(n, 3), of voxels, LPS in mm."""


def converted(path: Path, out: Path) -> str:
    """Convert in the shell; return what it said on standard error, empty if it wrote the file."""
    said = io.StringIO()
    words = ["convert", str(path), "-o", str(out), "--threshold", str(THRESHOLD)]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(words)
    return said.getvalue() if code else ""


def places(mask: np.ndarray, kji_to_lps: np.ndarray) -> Places:
    return lps_of_voxels(mask, kji_to_lps)


def by_name(segmentation: Segmentation) -> list[tuple[str, Places]]:
    return in_order([(one.name, places_of(segmentation, one)) for one in segmentation.segments])


def places_of(segmentation: Segmentation, segment: Segment) -> Places:
    layer = segmentation.layers[segment.layer_index]
    return places(layer.labels_kji == segment.layer_value, layer.geometry.kji_to_lps)


def in_order(found: list[tuple[str, Places]]) -> list[tuple[str, Places]]:
    """Return those with voxels, by name and then by how many they are."""
    return sorted(((name, where) for name, where in found if len(where)), key=lambda one: (one[0], len(one[1])))


def are_same(found: list[tuple[str, Places]], wanted: list[tuple[str, Places]], grid: np.ndarray) -> bool:
    if [name for name, _ in found] != [name for name, _ in wanted]:
        return False
    return all(are_same_places(one, other, grid) for (_, one), (_, other) in zip(found, wanted))


def are_same_places(one: Places, other: Places, grid: np.ndarray) -> bool:
    """Whether both are the same voxels of a grid (kji to LPS), none off by more than a fiftieth of a voxel."""
    return (seen := voxels_of(one, grid)) is not None and seen == voxels_of(other, grid)


def voxels_of(where: Places, grid: np.ndarray) -> set[tuple[int, ...]] | None:
    kji = (where - grid[:3, 3]) @ np.linalg.inv(grid[:3, :3]).T
    nearest = np.rint(kji).astype(int)
    return {*map(tuple, nearest.tolist())} if np.abs(kji - nearest).max(initial=0) <= 0.02 else None


def of_highdicom(paths: list[Path]) -> list[tuple[str, Places]]:
    found = []
    for path in paths:
        seg = highdicom.seg.segread(path)
        masks, affine = masks_of_highdicom(seg)
        labels = [
            item.SegmentLabel
            for item in sorted(seg.SegmentSequence, key=lambda item: item.SegmentNumber)
            if item.SegmentNumber
        ]
        found.extend((label, places(mask, affine)) for label, mask in zip(labels, masks, strict=True))
    return in_order(found)


def of_simpleitk(path: Path) -> list[tuple[str, Places]]:
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(path))
    voxels = sitk.GetArrayFromImage(image)
    axes = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    to_lps = np.eye(4)
    to_lps[:3, :3], to_lps[:3, 3] = axes[:, ::-1], image.GetOrigin()
    keys = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    found = []
    for n in range(sum(key.endswith("_LabelValue") for key in keys)):
        layer = voxels if voxels.ndim == 3 else voxels[..., int(keys[f"Segment{n}_Layer"])]
        mask = layer == int(keys[f"Segment{n}_LabelValue"])
        found.append((keys[f"Segment{n}_Name"], places(mask, to_lps)))
    return in_order(found)


def test_each_becomes_rle_and_seg_nrrd_as_others_see_it_or_is_refused_in_one_sentence(shared, tmp_path):
    wrong, refused, count = [], {}, 0
    for number, (name, path) in enumerate(seg_files(shared)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for out in (folder / "a.dcm", folder / "a.seg.nrrd"):
            said = converted(path, out)
            if said:
                refused[name, out.name] = said
                continue
            count += 1
            read = segmentation_of([path], threshold=THRESHOLD)
            wanted, lattice = by_name(read), read.layers[0].geometry.kji_to_lps
            written = sorted(folder.glob("a*.dcm"))
            found = of_highdicom(written) if out.suffix == ".dcm" else of_simpleitk(out)
            if not are_same(found, wanted, lattice):
                wrong.append((name, out.name))

    assert wrong == []
    assert count > 200
    for said in refused.values():
        assert "Traceback" not in said
        assert len(said) < 1500
    assert len({name for name, _ in refused}) < 10, refused


def truths(shared: Path) -> Iterator[tuple[str, Path]]:
    for kind in ("37x41_dis", "37x41_ovl", "64x64_dis", "64x64_ovl"):
        for path in sorted((shared / "interop").glob(f"*__{kind}.dcm")):
            yield kind, path


def test_what_is_read_is_the_truth_also_where_highdicom_cannot_read(shared):
    checked = 0
    for kind, path in truths(shared):
        truth = np.load(shared / "interop" / f"truth_{kind}.npy")
        (series,) = read_series(shared / "interop" / f"ct_{kind[:5]}")
        grid = series.stack.even_geometry.kji_to_lps
        read = segmentation_of([path], threshold=THRESHOLD)
        assert len(read.segments) == truth.shape[-1], path.name
        by_number = sorted(read.segments, key=lambda one: int("".join(filter(str.isdigit, one.id)) or 0))
        for n, one in enumerate(by_number):
            assert are_same_places(places_of(read, one), places(truth[..., n], grid), grid), (path.name, one.name)
        checked += 1
    assert checked > 60

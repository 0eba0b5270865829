"""Damaged headers end in a valid, verified file or in one of our own errors: never a traceback, never half a file.

Two images of 8 x 8 pixels, with generated headers or with real ones, are damaged at random, element by element in
their encoded form or byte by byte, and exported. Every try has a number; `a_try(number, ...)` repeats it.
SEGRLE_FUZZ_TRIES sets how many there are: 500 unless it is set.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import re
import struct
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from builders import a_ct_header, a_ct_series, a_grid, fixed_options
from pydicom import Dataset
from pydicom.valuerep import validate_value
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import ExportError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation

TRIES = int(os.environ.get("SEGRLE_FUZZ_TRIES", "500"))
PROCESSES = 2

GRID = a_grid((2, 8, 8))
LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
VRS = (*LONG_VRS, *(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()))
ODD_TEXTS = (
    b"nan", b"inf", b"-1", b"0", b"1e400", b"-0", b"1,5", b"99999999999999999999", b"--", b"1\\2\\3\\4\\5\\6\\7", b"\\",
    b"\\\\\\", b"=", b"^^^^^^^^", b"a=b=c=d", b"2.25.", b"..", b"1.02.3", b"2026-13-45", b"240000", b"12:34:56",
    b"\xff\xfe", b"M\xc3\xbcller", b"M\xfcller", b"\x1b$B;3ED\x1b(B", b"\x00\x01\x02", b"\r\n\t", b"\xed\xa0\x80",
    b"ISO_IR 192", b"ISO 2022 IR 87", b"GB18030", b"KLINGON", b"SEG", b"x" * 20000,
)  # fmt: skip

REAL_SERIES = (
    "01_ct_3slice_dcmqi/dicom",
    "02_ct_tiny_24x38x3_dcmqi/dicom",
    "04_mr_oblique_adc_dcmqi/701-ADCb500",
    "05_sts_008_ct_pet_mr/CT",
    "05_sts_008_ct_pet_mr/MR",
    "05_sts_008_ct_pet_mr/PET",
    "06_mr_sagittal_120slices_fruit",
    "07_geometry_cases_icometrix/ct_nonuniform_gap",
    "07_geometry_cases_icometrix/mr_double_oblique_hitachi",
    "07_geometry_cases_icometrix/mr_j2k",
)

Element = tuple[int, bytes, bytes]
"""Tag, VR and value as stored."""


def a_rich_header() -> Dataset:
    """Attributes of every kind that is taken over, beside those of every image."""
    header = a_ct_header(
        SpecificCharacterSet="ISO_IR 100",
        PatientAge="045Y",
        PatientSize="1.75",
        PatientWeight="70.5",
        PregnancyStatus=1,
        EthnicGroup="none",
        PatientIdentityRemoved="YES",
        DeidentificationMethod=["by hand", "by machine"],
        StudyDescription="Thorax",
        ClinicalTrialSponsorName="Sponsor",
        ClinicalTrialProtocolID="Protocol",
        ClinicalTrialSubjectID="Subject",
        LongitudinalTemporalOffsetFromEvent=3.5,
        BodyPartExamined="CHEST",
        PhysiciansOfRecord=["One^A", "Two^B"],
    )
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99TEST", "procedure"
    header.ProcedureCodeSequence = [code]
    study = Dataset()
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", "1.2.3"
    header.ReferencedStudySequence = [study]
    header.private_block(0x0011, "TEST", create=True).add_new(1, "LO", "private")
    return header


@dataclass(frozen=True)
class Base:
    """A series to damage."""

    files: list[bytes]
    kji_to_lps: np.ndarray
    """(4, 4), of the two planes of 8 x 8 pixels."""


@pytest.fixture(scope="session")
def generated(tmp_path_factory) -> list[Base]:
    """A series with every attribute that is taken over, and a multi-frame image of both planes."""
    rich = list(a_rich_header())
    paths = a_ct_series(tmp_path_factory.mktemp("generated"), GRID)
    files = []
    for path in paths:
        image = pydicom.dcmread(path)
        for element in rich:
            image.add(element)
        image.save_as(path)
        files.append(path.read_bytes())
    return [Base(files, GRID.kji_to_lps), Base([enhanced(paths)], GRID.kji_to_lps)]


@pytest.fixture(scope="session")
def real(shared_data, tmp_path_factory) -> list[Base]:
    """Two neighbouring images of each real series, all attributes as they are but for pixels of 8 x 8."""
    folder = tmp_path_factory.mktemp("real")
    return [shrunk(shared_data / series, folder) for series in REAL_SERIES]


def shrunk(series: Path, folder: Path) -> Base:
    paths = sorted(series.iterdir())
    images = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
    orientation = np.array(images[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    images.sort(key=lambda image: np.cross(*orientation) @ np.array(image.ImagePositionPatient, dtype=float))
    files = []
    for image in images[:2]:
        image.Rows, image.Columns, image.PixelData = 8, 8, bytes(128)
        image["PixelData"].VR = "OW"
        image.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        of_defined_length(image)
        image.save_as(folder / "image", implicit_vr=False, little_endian=True)
        files.append((folder / "image").read_bytes())
    (folder / "image").unlink()
    first, second = (np.array(image.ImagePositionPatient, dtype=float) for image in images[:2])
    row_spacing, column_spacing = (float(distance) for distance in images[0].PixelSpacing)
    axes = np.column_stack([second - first, orientation[1] * row_spacing, orientation[0] * column_spacing, first])
    return Base(files, np.vstack([axes, [0, 0, 0, 1]]))


def of_defined_length(dataset: Dataset) -> None:
    dataset.is_undefined_length_sequence_item = False
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = False
            for item in element.value:
                of_defined_length(item)


def enhanced(paths: list[Path]) -> bytes:
    """The images as one multi-frame image with functional groups."""
    first, *_ = images = [pydicom.dcmread(path) for path in paths]
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = first.PixelSpacing, 3.0
    orientation.ImageOrientationPatient = first.ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    groups = []
    for image in images:
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = image.ImagePositionPatient
        group.PlanePositionSequence = [position]
        groups.append(group)
    first.SOPClassUID = first.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedCTImageStorage
    first.NumberOfFrames = len(images)
    first.SharedFunctionalGroupsSequence, first.PerFrameFunctionalGroupsSequence = [shared], groups
    first.PixelData = b"".join(image.PixelData for image in images)
    first.save_as(paths[0].with_name("enhanced"))
    data = paths[0].with_name("enhanced").read_bytes()
    paths[0].with_name("enhanced").unlink()
    return data


def split(file: bytes) -> tuple[bytes, list[Element]]:
    """Return what comes before the dataset, and the dataset's elements."""
    length = struct.unpack_from("<I", file, 140)[0]
    position = 144 + length
    head, elements = file[:position], []
    while position < len(file):
        group, number, vr = struct.unpack_from("<HH2s", file, position)
        is_long = vr in LONG_VRS
        (size,) = struct.unpack_from("<I" if is_long else "<H", file, position + (8 if is_long else 6))
        start = position + (12 if is_long else 8)
        elements.append((group << 16 | number, vr, file[start : start + size]))
        position = start + size
    return head, elements


def joined(head: bytes, elements: list[Element]) -> bytes:
    pieces = [head]
    for tag, vr, value in elements:
        start = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
        if vr in LONG_VRS:
            pieces += [start, struct.pack("<HI", 0, len(value)), value]
        else:
            pieces += [start, struct.pack("<H", min(len(value), 0xFFFE)), value[:0xFFFE]]
    return b"".join(pieces)


def removed(_chance: random.Random, elements: list[Element], n: int) -> None:
    del elements[n]


def emptied(_chance: random.Random, elements: list[Element], n: int) -> None:
    elements[n] = (*elements[n][:2], b"")


def over_long(chance: random.Random, elements: list[Element], n: int) -> None:
    elements[n] = (*elements[n][:2], (elements[n][2] or b"7 ") * chance.randrange(2, 60))


def of_another_vr(chance: random.Random, elements: list[Element], n: int) -> None:
    elements[n] = (elements[n][0], chance.choice(VRS), elements[n][2])


def replaced(chance: random.Random, elements: list[Element], n: int) -> None:
    elements[n] = (*elements[n][:2], chance.choice(ODD_TEXTS))


def spoilt(chance: random.Random, elements: list[Element], n: int) -> None:
    value = bytearray(elements[n][2] or b"  ")
    for _ in range(chance.randrange(1, 4)):
        value[chance.randrange(len(value))] = chance.randrange(256)
    elements[n] = (*elements[n][:2], bytes(value))


def taken_from_another(chance: random.Random, elements: list[Element], n: int) -> None:
    elements[n] = (*elements[n][:2], chance.choice(elements)[2])


def shifted(chance: random.Random, elements: list[Element], n: int) -> None:
    elements[n] = (elements[n][0] ^ 1 << chance.randrange(6), *elements[n][1:])


DAMAGES: tuple[Callable[[random.Random, list[Element], int], None], ...] = (
    removed, emptied, over_long, of_another_vr, replaced, spoilt, taken_from_another, shifted,
)  # fmt: skip


def damaged(chance: random.Random, files: list[bytes]) -> list[bytes]:
    """Return the files with one to four damages; the same ones in all files, or in one alone."""
    seed, victims = chance.random(), range(len(files)) if chance.random() < 0.6 else [chance.randrange(len(files))]
    return [
        (_damaged_file(random.Random(seed), file) if number in victims else file) for number, file in enumerate(files)
    ]


def _damaged_file(chance: random.Random, file: bytes) -> bytes:
    if chance.random() < 0.1:
        return _damaged_bytes(chance, file)
    head, elements = split(file)
    for _ in range(chance.randrange(1, 5)):
        chance.choice(DAMAGES)(chance, elements, chance.randrange(len(elements)))
    return joined(head, elements)


def _damaged_bytes(chance: random.Random, file: bytes) -> bytes:
    data = bytearray(file)
    for _ in range(chance.randrange(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.randrange(len(data))] if chance.random() < 0.3 else data)


def a_segmentation_on(kji_to_lps: np.ndarray) -> Segmentation:
    labels = np.zeros(GRID.shape_kji, np.uint8)
    labels[0, 2:5, 1:7], labels[1, 3:6, 2:4] = 1, 2
    layer = Layer(labels, Geometry(GRID.shape_kji, kji_to_lps))
    return Segmentation("s", (layer,), (Segment("1", "a", 0, 1), Segment("2", "b", 0, 2)))


def a_try(number: int, folder: Path, bases: list[Base]) -> str:
    """Damage, export, judge; return what came of it, with the traceback if it was not as it should be."""
    chance = random.Random(number)
    source, target = folder / "source", folder / "target"
    for path in (source, target):
        path.mkdir(exist_ok=True)
        for old in path.iterdir():
            old.unlink()
    base = chance.choice(bases)
    files = damaged(chance, base.files)
    for n, data in enumerate(files):
        (source / f"{n}.dcm").write_bytes(data)
    options = fixed_options(compression=chance.choice([*PLANS]))
    try:
        report = export(a_segmentation_on(base.kji_to_lps), source, target, options=options)
    except ExportError as error:
        left = [path.name for path in target.iterdir()]
        return f"left behind: {left}" if left else f"refused: {type(error).__name__}"
    except Exception:
        return traceback.format_exc()
    if any((source / f"{n}.dcm").read_bytes() != data for n, data in enumerate(files)):
        return "changed its source"
    faults = [fault for instance in report.instances for fault in faults_of(pydicom.dcmread(instance.path))]
    return f"wrote invalid values: {faults}" if faults else "exported"


def tries(numbers: range, folder: Path, bases: list[Base]) -> tuple[Counter[str], list[str]]:
    """Make those tries; return how many were exported and refused, and what else came of them."""
    os.fsync = lambda _: None  # in a process of its own: durability is not what is tried
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    folder.mkdir()
    outcomes: Counter[str] = Counter()
    failures = []
    for number in numbers:
        outcome = a_try(number, folder, bases)
        kind = outcome.split(":")[0]
        outcomes[kind] += 1
        if kind not in ("exported", "refused"):
            failures.append(f"try {number}: {outcome}")
    return outcomes, failures


def faults_of(dataset: Dataset) -> list[str]:
    """What pydicom's validators say of every value, and which attributes no SEG may lack are missing.

    A UID with leading zeros is repeated as it is, because a reference must name what it refers to.
    """
    needed = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "ReferencedSeriesSequence")
    faults = [f"no {keyword}" for keyword in needed if not dataset.get(keyword)]
    for element in dataset.iterall():
        if element.VR == "SQ" or element.value is None or isinstance(element.value, bytes):
            continue
        values = element.value if element.VM > 1 else [element.value]
        for value in values:
            try:
                validate_value(element.VR, str(value), pydicom.config.RAISE) if isinstance(value, str) else None
            except ValueError as error:
                if element.VR == "UI" and re.fullmatch(r"[0-9]+(\.[0-9]+)*", value) and len(value) <= 64:
                    continue
                faults.append(f"{element.tag} {element.keyword}: {error}")
    return faults


def assert_all_end_well(first: int, count: int, folder: Path, bases: list[Base]) -> None:
    shares = [range(first + n, first + count, PROCESSES) for n in range(PROCESSES)]
    folders = [folder / str(n) for n in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(tries, shares, folders, [bases] * PROCESSES))
    outcomes = sum((result[0] for result in results), Counter())
    failures = [failure for result in results for failure in result[1]]

    assert not failures, f"{len(failures)} tries failed; the first:\n" + "\n".join(failures[:3])
    assert outcomes.total() == count
    assert min(outcomes["exported"], outcomes["refused"]) > count / 10, f"too one-sided: {outcomes}"


def test_damaged_generated_headers_end_well(tmp_path, generated):
    assert_all_end_well(0, TRIES // 2, tmp_path, generated)


def test_damaged_real_headers_end_well(tmp_path, real):
    assert_all_end_well(TRIES // 2, TRIES - TRIES // 2, tmp_path, real)


def test_undamaged_headers_are_exported(tmp_path, generated):
    for n, base in enumerate(generated):
        (tmp_path / str(n)).mkdir()
        for number, data in enumerate(base.files):
            (tmp_path / str(n) / f"{number}.dcm").write_bytes(joined(*split(data)))

        report = export(
            a_segmentation_on(base.kji_to_lps), tmp_path / str(n), tmp_path, options=fixed_options(overwrite=True)
        )

        assert {finding.id for finding in report.findings} == {"not-coded"}

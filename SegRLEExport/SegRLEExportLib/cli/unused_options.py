"""Options that have no effect beside the others: whoever gives one wants what it does, and is told what it needs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from SegRLEExportLib.cli.inputs import ENCODING_IDS, LABEL_MAP_IDS, Needed

_IMAGES_OF_A_VOLUME: Needed = (lambda parsed: parsed.volume is not None, "it is written into the images of a --volume")
_IN_DICOM_SEG: Needed = (lambda parsed: _format(parsed) in ENCODING_IDS, "it is written into DICOM SEG alone")
_ON_THIS_MACHINE: Needed = (lambda parsed: parsed.dask is None, "the workers of a --dask cluster have theirs already")
_BEHIND_A_NAME: Needed = (lambda parsed: bool(parsed.algorithm_name), "it is written behind the --algorithm-name")

OF_EXPORT: Mapping[str, Needed] = {
    "keep_values": (
        lambda parsed: parsed.compression in LABEL_MAP_IDS,
        f"label maps alone keep label values (-c {', '.join(LABEL_MAP_IDS)})",
    ),
    "modality": _IMAGES_OF_A_VOLUME,
    "patient_name": _IMAGES_OF_A_VOLUME,
    "patient_id": _IMAGES_OF_A_VOLUME,
    "series": (lambda parsed: parsed.volume is None, "the images of a --volume are one series"),
    "time": (lambda parsed: parsed.volume is None, "the images of a --volume are of one time"),
    "algorithm_version": _BEHIND_A_NAME,
}

OF_CONVERT: Mapping[str, Needed] = {
    "images": (lambda parsed: _format(parsed) == "coco", "pictures are written beside a COCO file (--to coco)"),
    "one_file_each": (
        lambda parsed: _format(parsed) in ("nifti", "nrrd"),
        "label maps alone cannot hold segments that overlap in one file (--to nifti or nrrd)",
    ),
    "window": (lambda parsed: parsed.images == "png", "it is for the pictures that --images png writes"),
    "keep_values": (
        lambda parsed: _format(parsed) in ("nifti", "nrrd", *LABEL_MAP_IDS),
        f"label maps alone keep label values (--to nifti, nrrd, {', '.join(LABEL_MAP_IDS)})",
    ),
    "geometry": (lambda parsed: _format(parsed) != "coco", "masks of a COCO file lie on the pixels of the images"),
    "series_description": _IN_DICOM_SEG,
    "series_number": _IN_DICOM_SEG,
    "content_label": _IN_DICOM_SEG,
    "content_description": _IN_DICOM_SEG,
    "content_creator": _IN_DICOM_SEG,
    "keep_empty_frames": _IN_DICOM_SEG,
    "verify": (
        lambda parsed: _format(parsed) in ENCODING_IDS,
        "other files than DICOM SEG are read back and compared whatever it says",
    ),
    "algorithm_version": _BEHIND_A_NAME,
}

OF_BATCH: Mapping[str, Needed] = {"workers": _ON_THIS_MACHINE, "memory": _ON_THIS_MACHINE}


def refuse_unused(parsed: argparse.Namespace) -> None:
    """End with how the command is used if an option was given that does nothing beside the others."""
    needs: Mapping[str, Needed] = parsed.needs
    for name, (has_effect, what_it_needs) in needs.items():
        if _is_given(parsed, name) and not has_effect(parsed):
            parsed.refuse(f"argument --{name.replace('_', '-')}: it has no effect here: {what_it_needs}")


def _is_given(parsed: argparse.Namespace, name: str) -> bool:
    given: Any = getattr(parsed, name)
    return bool(given != parsed.default_of(name))


def _format(parsed: argparse.Namespace) -> str:
    from SegRLEExportLib.conversion.formats import format_of

    wanted: str = parsed.to or format_of(parsed.output)
    return wanted

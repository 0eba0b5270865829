"""What is wrong with the options of a case in themselves: told before anything begins, and no file is looked at."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.cli.case_options import parsed_case
from SegRLEExportLib.cli.inputs import read_options

if TYPE_CHECKING:
    from SegRLEExportLib.batch.cases import Case
    from SegRLEExportLib.model.finding import Finding

_WRITTEN_AS = {
    "content_label": "ContentLabel",
    "content_description": "ContentDescription",
    "content_creator": "ContentCreatorName",
    "series_description": "SeriesDescription",
    "series_number": "SeriesNumber",
    "patient_name": "PatientName",
    "patient_id": "PatientID",
}
"""Options, and the attributes that they are written into as they are."""


class Fitness:
    """Looks at the options of a case, once for all that have the same."""

    def __init__(self, to: str, given: Mapping[str, Any]) -> None:
        self._of_all = {"to": to, **given}
        self._fit: set[str] = set()

    def refuse_unfit(self, case: Case) -> None:
        """Raise ValueError, with a clause, for a case whose options its command would refuse."""
        options = {**self._of_all, **case.options}
        key = json.dumps(
            [Path(case.segmentation).suffixes[-2:], bool(case.series), options], default=str, sort_keys=True
        )
        if key in self._fit:
            return
        try:
            _, parsed = parsed_case(case.segmentation, case.series, Path("out"), Path("images"), options)
            _refuse_unwritable(parsed, options)
        except ValueError as error:
            told = str(error)
            raise ValueError(f"{told[:1].lower()}{told[1:].removesuffix('.')}") from error
        self._fit.add(key)


def _refuse_unwritable(parsed: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Raise ValueError, with sentences, for the first value that its attribute cannot hold."""
    if _WRITTEN_AS.keys().isdisjoint(options):
        return
    for finding in _findings(parsed):
        name = next(option for option, keyword in _WRITTEN_AS.items() if keyword == finding.where)
        raise ValueError(f"Option {name}: {finding.what} {finding.help}")


def _findings(parsed: argparse.Namespace) -> Iterator[Finding]:
    from SegRLEExportLib.dataset.texts import refused_texts
    from SegRLEExportLib.preflight.option_values import option_findings

    yield from option_findings(read_options(parsed))
    if getattr(parsed, "volume", None) is not None:
        yield from refused_texts((("PatientName", parsed.patient_name), ("PatientID", parsed.patient_id)))

"""What the fields of Slicer's DICOM export dialog mean, and which edits in them cannot be obeyed.

The dialog calls its fields by DICOM keywords and keeps all values as text. Nothing here needs Slicer.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from SegRLEExportLib.dataset.header import described_series
from SegRLEExportLib.dataset.repair import repaired_value
from SegRLEExportLib.errors import ExportError, PreflightError
from SegRLEExportLib.model.finding import Finding, Severity, one_for_each_cause
from SegRLEExportLib.options import SERIES_NUMBER_STEP, ExportOptions
from SegRLEExportLib.report import Report, SightOutcome
from SegRLEExportLib.slicer_side.dialog.words import Door, findings_of, in_words_of

IDENTITY_TAGS = {
    "PatientID": "0010,0020",
    "PatientName": "0010,0010",
    "PatientBirthDate": "0010,0030",
    "PatientSex": "0010,0040",
    "StudyInstanceUID": "0020,000D",
    "StudyID": "0020,0010",
    "StudyDate": "0008,0020",
    "StudyTime": "0008,0030",
    "StudyDescription": "0008,1030",
}
"""What a SEG shares with the images it belongs to: keywords of the dialog, and their tags."""

_WRITTEN_FOR_EMPTY = {"PatientName": "No name", "StudyDescription": "No study description"}
"""What Slicer shows where the images have no value."""

_MOST_DIGITS = 100
"""Python makes no number of several thousand; what is too large for DICOM is for pre-flight to say."""

LINE_LENGTH = 100
LINES_SHOWN = 8

SENTENCES_SHOWN = 6
"""In a box of the screen's height, each taking a few lines."""

_SEEN = (
    (SightOutcome.RIGHT, "read it right", "read it right"),
    (SightOutcome.NOT_AT_HAND, "is not available here", "are not available here"),
    (SightOutcome.CANNOT_READ, "cannot read it (see the details)", "cannot read it (see the details)"),
    (SightOutcome.DIFFERENT, "shows something else (see the details)", "show something else (see the details)"),
)
"""What is said of one reader and of several, the best first."""

_LONGEST_WHAT = 300
_DETAILS_IN_TOOL_TIP = 20
_LONGEST_PLACE = 60


def free_series_number(source_number: int, taken: Collection[int], rank: int = 0) -> int:
    """Return the free Series Number that the segmentation of that rank, from 0, among several of its study gets."""
    number = source_number + SERIES_NUMBER_STEP
    while True:
        if number not in taken:
            if rank == 0:
                return number
            rank -= 1
        number += 1


def prefilled_description(name: str) -> str:
    """Return what Series Description will say if nobody changes it: the name, cut and changed as in the file."""
    return described_series(name)


def prefilled_creator(name: str) -> str:
    """Return the Content Creator's Name that is written for a name from the settings."""
    return repaired_value("PN", name.strip()).value or ""


def options_of_fields(fields: Mapping[str, str], options: ExportOptions) -> ExportOptions:
    """Return `options` with the texts of the dialog; what their VRs allow is for pre-flight to say.

    Raises `PreflightError` if the series number is no number.
    """
    return replace(
        options,
        series_description=fields["SeriesDescription"].strip(),
        series_number=series_number_of(fields["SeriesNumber"]),
        content_label=fields["ContentLabel"].strip(),
        content_description=fields["ContentDescription"].strip(),
        content_creator_name=fields["ContentCreatorName"].strip(),
    )


def series_number_of(text: str) -> int | None:
    """Return the number in a field, None if it is empty. Raises `PreflightError` if it is no number."""
    refused = [*_number_findings(text)]
    if refused:
        raise PreflightError(refused)
    return int(text) if text.strip() else None


def refuse_wrong_edits(fields: Mapping[str, str], images: Mapping[str, str]) -> None:
    """Raise `PreflightError` if the series number is none, or patient or study are not those of the images.

    `images` maps the keywords of `IDENTITY_TAGS` of which is known what the images have; what is empty in the dialog
    was never filled in.
    """
    refused = [*_number_findings(fields.get("SeriesNumber", "")), *_identity_findings(fields, images)]
    if refused:
        raise PreflightError(refused)


def _number_findings(text: str) -> Iterator[Finding]:
    stripped = text.strip()
    what = ""
    if stripped and not re.fullmatch(r"[+-]?\d+", stripped, re.ASCII):
        shown = stripped if len(stripped) <= LINE_LENGTH else f"{stripped[:LINE_LENGTH]} ..."
        what = f"'{shown}' is not a whole number."
    elif len(stripped) > _MOST_DIGITS:
        what = f"A number of {len(stripped)} digits is not from 0 to 2147483647."
    if what:
        help_ = "Write for example 101, or leave the field empty."
        yield Finding("invalid-option", Severity.ERROR, what, "SeriesNumber", help_)


def _identity_findings(fields: Mapping[str, str], images: Mapping[str, str]) -> Iterator[Finding]:
    for keyword in (one for one in IDENTITY_TAGS if one in images):
        shown, stored = fields.get(keyword, "").strip(), images[keyword].strip()
        if _is_changed(keyword, shown, stored):
            yield Finding(
                "identity-changed",
                Severity.ERROR,
                f"'{shown}' is not what the images have, {_quoted(stored)}. "
                "The segmentation would no longer belong to their study.",
                keyword,
                f"{'Write that value again' if stored else 'Empty the field'}, or change it in the images first.",
            )


def _quoted(stored: str) -> str:
    return f"which is '{stored}'" if stored else "which is nothing"


def _is_changed(keyword: str, shown: str, stored: str) -> bool:
    if not shown or shown == stored:
        return False
    if keyword == "PatientID" and not stored:
        return not shown.startswith("Patient-")
    return bool(stored) or shown != _WRITTEN_FOR_EMPTY.get(keyword)


def dialog_message(error: ExportError, name: str = "") -> str:
    """Return the text for the dialog's message line: short lines, because the line is as wide as its text.

    `name` is the segmentation that is meant, where there are several.
    """
    found = one_for_each_cause(findings_of(error, Door.DIALOG))
    texts = [line for finding in found for line in sentence(finding).splitlines()]
    if name:
        texts = [f"{name}:", *texts]
    lines = [line for text in texts for line in textwrap.wrap(text, LINE_LENGTH)]
    if len(lines) > LINES_SHOWN:
        lines = [
            *lines[: LINES_SHOWN - 1],
            f"... and {len(lines) - LINES_SHOWN + 1} more lines in the application log.",
        ]
    return "\n".join(lines)


def box_text(findings: Iterable[Finding]) -> str:
    """Return the text of a message box no higher than a screen: one sentence a cause, and the rest counted."""
    causes = one_for_each_cause(in_words_of(finding, Door.DIALOG) for finding in findings)
    shown = [sentence(_no_longer(finding)) for finding in causes[:SENTENCES_SHOWN]]
    if len(causes) > SENTENCES_SHOWN:
        shown.append(f"... and {len(causes) - SENTENCES_SHOWN} more, in the details.")
    return "\n\n".join(shown)


def seen_by_others(reports: Iterable[Report]) -> str:
    """Return what other programs saw in all files of exports, in sentences, the worst last; empty if none was asked."""
    outcomes: dict[str, set[SightOutcome]] = {}
    for report in reports:
        for sight in (sight for instance in report.instances for sight in instance.sights):
            outcomes.setdefault(f"{sight.reader} {sight.version}".strip(), set()).add(sight.outcome)
    told = []
    for outcome, one, several in _SEEN:
        readers = [reader for reader, found in outcomes.items() if _worst(found) is outcome]
        if readers:
            told.append(f"{' and '.join(readers)} {one if len(readers) == 1 else several}.")
    return " ".join(told)


def _worst(outcomes: Collection[SightOutcome]) -> SightOutcome:
    return max(outcomes, key=[outcome for outcome, *_ in _SEEN].index)


def details_text(findings: Iterable[Finding]) -> str:
    """Return everything that findings say, with what their sentences leave out, a line each."""
    return "\n".join(line for finding in findings for line in (str(finding), *(f"  {one}" for one in finding.details)))


def sentence(finding: Finding) -> str:
    """Return what a finding says to a person, without its severity."""
    place = f"{finding.where}: " if finding.where else ""
    return f"{place}{finding.what} {finding.help}".strip()


def tool_tip(finding: Finding) -> str:
    """Return the details of a finding, the first of them, as plain text for a tooltip; empty if it has none."""
    lines = [textwrap.shorten(one, LINE_LENGTH, placeholder=" ...") for one in finding.details[:_DETAILS_IN_TOOL_TIP]]
    rest = len(finding.details) - len(lines)
    return "\n".join([*lines, f"... and {rest} more"] if rest else lines)


def _no_longer(finding: Finding) -> Finding:
    """Return the finding with names and lists cut that would fill a box; what helps stays whole."""
    where = textwrap.shorten(finding.where, _LONGEST_PLACE, placeholder=" ...")
    return replace(finding, where=where, what=textwrap.shorten(finding.what, _LONGEST_WHAT, placeholder=" ..."))

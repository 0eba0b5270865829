"""What is to be told of the segments' names, codes and words: not there, not as DICOM has them, or changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from SegRLEExportLib.dataset.segment_texts import (
    DESCRIPTION_LENGTH,
    LABEL_LENGTH,
    MEANING_LENGTH,
    SCHEME_LENGTH,
    UNKNOWN_ALGORITHM_NAME,
    algorithm_name_of,
    codes_of,
    one_line,
    whole_description,
    written_label,
)
from SegRLEExportLib.dataset.tracking import tracking_findings
from SegRLEExportLib.model.finding import Finding, Severity, of_segments
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import AlgorithmType, Segment, Segmentation


def naming_findings(segmentation: Segmentation) -> list[Finding]:
    """Return what is to be said of names and codes before they are written."""
    findings: list[Finding] = []
    for segment in segmentation.segments:
        findings.extend(_long_name_findings(segment))
        findings.extend(_code_findings(segment))
        findings.extend(_cut_findings(segment))
        findings.extend(_bent_findings(segment))
        findings.extend(tracking_findings(segment))
    findings.extend(incomplete_code_findings(segmentation, instead="; written as Tissue (SCT 85756007)"))
    findings.extend(_common_findings(segmentation))
    findings.extend(_same_name_findings(segmentation))
    return findings


def incomplete_code_findings(segmentation: Segmentation, instead: str = "") -> Iterator[Finding]:
    """Tell codes that were given and are left out, and what is written `instead` where a segment has no others."""
    for segment in segmentation.segments:
        if segment.code_faults:
            told = "; ".join(segment.code_faults)
            are_left_out = "they are left out" if len(segment.code_faults) > 1 else "it is left out"
            rest = are_left_out if segment.terminology else f"its codes are left out{instead}"
            yield Finding(
                "incomplete-code",
                Severity.WARNING,
                f"{told[0].upper()}{told[1:]}, so {rest}.",
                where=segment.name,
                help=Remedy.CHOOSE_MEANING_ANEW.value,
            )


def _common_findings(segmentation: Segmentation) -> Iterator[Finding]:
    """Tell what is mostly true of all segments, once."""
    segments = segmentation.segments
    not_coded = Finding(
        "not-coded",
        Severity.NOTE,
        "No coded meaning was chosen; written as Tissue (SCT 85756007).",
        help=Remedy.CHOOSE_MEANING.value,
    )
    uncoded = [one.name for one in segments if one.terminology is None and not one.code_faults]
    yield from of_segments(not_coded, uncoded)
    nameless = Finding(
        "algorithm-without-name",
        Severity.NOTE,
        f"What is AUTOMATIC needs the name of its algorithm, and none is told; '{UNKNOWN_ALGORITHM_NAME}' is written.",
        help=Remedy.ALGORITHM_NAME.value,
    )
    automatic = [one for one in segments if one.algorithm_type is AlgorithmType.AUTOMATIC]
    yield from of_segments(nameless, [one.name for one in automatic if not algorithm_name_of(one)])
    named = Finding(
        "manual-with-algorithm",
        Severity.WARNING,
        "What is MANUAL has no algorithm in DICOM (PS3.3, C.8.20.4), so the name of one is not written.",
        help=Remedy.ALGORITHM_TYPE.value,
    )
    manual = [one for one in segments if one.algorithm_type is AlgorithmType.MANUAL]
    yield from of_segments(named, [one.name for one in manual if algorithm_name_of(one)])


def _long_name_findings(segment: Segment) -> Iterator[Finding]:
    """Tell a name that Segment Label cannot hold, and whether Segment Description holds it whole."""
    name = one_line(segment.name)
    if len(name) <= LABEL_LENGTH:
        return
    place = "whole in Segment Description" if len(name) <= DESCRIPTION_LENGTH else "cut in Segment Description, too"
    yield Finding(
        "long-name",
        Severity.REPAIR,
        f"The name has {len(name)} characters, DICOM allows {LABEL_LENGTH}: it is cut in Segment Label and {place}.",
        where=segment.name,
    )


def _same_name_findings(segmentation: Segmentation) -> Iterator[Finding]:
    """Tell names that are the same as they are written: also those that differ only where they are cut."""
    labels = Counter(label for segment in segmentation.segments if (label := written_label(segment.name)))
    for label in sorted(label for label, count in labels.items() if count > 1):
        yield Finding(
            "same-name",
            Severity.NOTE,
            f"{labels[label]} segments have this name; they differ by segment number and tracking UID.",
            where=label,
        )


def _code_findings(segment: Segment) -> Iterator[Finding]:
    """Refuse codes that lack a part, and those whose value would be another one once it is written."""
    codes = codes_of(segment)
    help_text = Remedy.CHOOSE_MEANING_ANEW.value
    if any(not (one_line(code.scheme) and one_line(code.value) and one_line(code.meaning)) for code in codes):
        yield Finding(
            "incomplete-code",
            Severity.ERROR,
            "One of its codes lacks a scheme, a value or a meaning, and DICOM demands all three.",
            where=segment.name,
            help=help_text,
        )
    for code in codes:
        if one_line(code.value) and one_line(code.value) != code.value.strip():
            yield Finding(
                "unwritable-code",
                Severity.ERROR,
                f"The code value {code.value!r} has characters that DICOM does not allow in one.",
                where=segment.name,
                help=help_text,
            )


def _cut_findings(segment: Segment) -> Iterator[Finding]:
    codes = codes_of(segment)
    lengths = (
        ("coding scheme", max(len(one_line(code.scheme)) for code in codes), SCHEME_LENGTH),
        ("code meaning", max(len(one_line(code.meaning)) for code in codes), MEANING_LENGTH),
        ("algorithm name", len(one_line(segment.algorithm_name)), LABEL_LENGTH),
        ("description", _description_length(segment), DESCRIPTION_LENGTH),
    )
    cut = [what for what, length, limit in lengths if length > limit]
    if cut:
        yield Finding(
            "cut-text", Severity.REPAIR, f"Longer than DICOM allows and cut: {', '.join(cut)}.", where=segment.name
        )


def _description_length(segment: Segment) -> int:
    """Return the characters of the description behind a name that is too long for its place; 0 if there is none."""
    return len(whole_description(segment, one_line(segment.name))) if segment.description else 0


def _bent_findings(segment: Segment) -> Iterator[Finding]:
    """Tell texts in which characters change: a backslash separates values in DICOM, and controls are not allowed."""
    texts = [("name", segment.name), ("algorithm name", segment.algorithm_name)]
    texts.extend(("code meaning", code.meaning) for code in codes_of(segment))
    bent = [
        f"{what} written as '{one_line(text)}'"
        for what, text in texts
        if _without_blanks(text) != _without_blanks(one_line(text))
    ]
    if bent:
        yield Finding(
            "changed-text",
            Severity.REPAIR,
            f"It has characters that DICOM does not allow there: {', '.join(bent)}.",
            where=segment.name,
        )


def _without_blanks(text: str) -> str:
    return "".join(text.split())

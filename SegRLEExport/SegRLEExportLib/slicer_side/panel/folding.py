"""What of many findings and segments the panel shows at once. No Qt, no Slicer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from SegRLEExportLib.model.finding import Finding, Severity, errors_in, one_for_each_cause

_ERRORS_SHOWN = 3
_NAMES = {
    Severity.ERROR: ("1 error", "{} errors"),
    Severity.WARNING: ("1 warning", "{} warnings"),
    Severity.REPAIR: ("1 repair", "{} repairs"),
    Severity.NOTE: ("1 note", "{} notes"),
}


def causes(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, one for each cause, the worst first."""
    order = list(Severity)
    return sorted(one_for_each_cause(findings), key=lambda finding: order.index(finding.severity))


def always_shown(found: Sequence[Finding]) -> list[Finding]:
    """Return those that are shown folded, too: what stands in the way, a few."""
    return errors_in(found)[:_ERRORS_SHOWN]


def summary(found: Sequence[Finding]) -> str:
    """Return how many findings there are of each kind, in a line; empty if there are none."""
    counts = Counter(finding.severity for finding in found)
    return ", ".join(
        _NAMES[severity][min(counts[severity], 2) - 1].format(counts[severity])
        for severity in Severity
        if counts[severity]
    )


def segments_title(segments: Sequence, left_out_ids: Sequence[str]) -> str:
    """Return the title over the table of segments, which tells what is to be known of it when it is closed."""
    chosen = [segment for segment in segments if segment.id not in left_out_ids]
    uncoded = sum(1 for segment in chosen if not segment.meaning)
    parts = [f"Segments: {len(chosen)} of {len(segments)}"] if segments else ["Segments"]
    if uncoded:
        parts.append(f"{uncoded} without a meaning")
    return ", ".join(parts)


def matches(segment, words: str) -> bool:
    """Tell whether name or meaning of a segment have all the words, in whatever case."""
    text = f"{segment.name} {segment.meaning}".casefold()
    return all(word in text for word in words.casefold().split())


def left_out_after(left_out_ids: Sequence[str], shown_ids: Sequence[str], *, is_included: bool) -> list[str]:
    """Return the ids that are left out when all segments that are shown are included, or none of them."""
    others = [one for one in left_out_ids if one not in shown_ids]
    return others if is_included else [*others, *shown_ids]

"""What is wrong with the values of options themselves, whatever is exported."""

from __future__ import annotations

from collections.abc import Iterator

from SegRLEExportLib.dataset.texts import refused_texts
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.options import ExportOptions

_LARGEST_TOLD = 10**20
"""Python writes no number of thousands of digits."""


def option_findings(options: ExportOptions) -> Iterator[Finding]:
    """Yield an error for each value that its attribute cannot hold; `where` is the keyword of the attribute."""
    yield from refused_texts(
        (
            ("ContentLabel", options.content_label),
            ("ContentCreatorName", options.content_creator_name),
            ("ContentDescription", options.content_description),
            ("SeriesDescription", options.series_description),
        )
    )
    if not options.content_label.strip():
        yield Finding(
            "invalid-option", Severity.ERROR, "It must not be empty.", "ContentLabel", "Write for example SEGMENTATION."
        )
    number = options.series_number
    if number is not None and not 0 <= number < 2**31:
        told = f"number {number}" if abs(number) < _LARGEST_TOLD else "number that was given"
        yield Finding(
            "invalid-option",
            Severity.ERROR,
            f"The {told} is not from 0 to 2147483647.",
            "SeriesNumber",
            "Choose another number.",
        )

"""Whether images are of one patient: what they say of Patient ID, name and birth date (PS3.3, C.7.1.1).

A hospital's Patient ID tells; names and dates are typed, and differ in case, blanks and trailing separators for one
person. Where there is no ID they are all there is, and two of them are two people. What says nothing contradicts
nothing: one that was removed, or never asked for. An ID alone that some images have and others lack is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.source.images import Plane

_SHOWN = 3
_PATIENT_ID = "(0010,0020) PatientID"


def patient_findings(planes: list[Plane]) -> Iterator[Finding]:
    """Tell where images disagree about their patient."""
    ids = {plane.patient_id for plane in planes}
    if len(ids) > 1:
        yield _several(f"disagree about their patient: {_listed(sorted(ids))}", _PATIENT_ID)
        return
    (patient_id,) = ids or {""}
    for what, keyword, told in (
        ("name", "(0010,0010) PatientName", _different_names(plane.patient_name for plane in planes)),
        ("birth date", "(0010,0030) PatientBirthDate", _different_dates(plane.birth_date for plane in planes)),
    ):
        if len(told) > 1 and patient_id:
            yield _with_one_id(patient_id, what, told)
        elif len(told) > 1:
            yield _several(f"have no Patient ID and disagree about their patient's {what}: {_listed(told)}", keyword)


def _several(how: str, where: str) -> Finding:
    return Finding(
        "several-patients",
        Severity.ERROR,
        f"The images of the series {how}.",
        where=where,
        help=f"{Remedy.IMAGES_OF_ONE} patient.",
    )


def _with_one_id(patient_id: str, what: str, told: list[str]) -> Finding:
    """Tell of names or dates of one ID; with no keyword in `where`, as the value is written as one image has it."""
    return Finding(
        "patient-described-otherwise",
        Severity.WARNING,
        f"The images of the series agree about Patient ID {patient_id!r} and disagree about the patient's {what}: "
        f"{_listed(told)}. What one of them says is written.",
        help=f"{Remedy.IMAGES_OF_ONE} patient, if these are of several.",
    )


def _listed(values: list[str]) -> str:
    return ", ".join(map(repr, values[:_SHOWN]))


def _different_names(names: Iterable[str]) -> list[str]:
    """Return names that are not of one person: of two the same group is there and differs, as letters or ideograms."""
    for group in zip(*(_groups(name) for name in sorted(set(names)))):
        different = _different((plain, name) for plain, name in group)
        if len(different) > 1:
            return different
    return []


def _groups(name: str) -> list[tuple[str, str]]:
    """Return the three groups of a person name (PS3.5, 6.2.1) as they are compared, each with the name."""
    groups = [*name.split("="), "", "", ""][:3]
    return [(_plain(group), name) for group in groups]


def _plain(group: str) -> str:
    components = (" ".join(component.split()) for component in unicodedata.normalize("NFKC", group).split("^"))
    return "^".join(components).rstrip("^").casefold()


def _different_dates(dates: Iterable[str]) -> list[str]:
    return _different((re.sub(r"\D", "", date), date) for date in sorted(set(dates)))


def _different(values: Iterable[tuple[str, str]]) -> list[str]:
    """Return the first of the values for each way to say them that is not empty."""
    first: dict[str, str] = {}
    for plain, value in values:
        if plain:
            first.setdefault(plain, value)
    return [*first.values()]

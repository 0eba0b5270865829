"""Whether a value is what its VR allows, and the nearest one that is (PS3.5, 6.2).

Real headers are over-long, in lower case, or hold characters that were never allowed. What can be said in a
valid way is; what cannot is left out. Nothing here changes what it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from SegRLEExportLib.dataset.decimal_string import decimal_string
from SegRLEExportLib.uids import is_usable_uid


@dataclass(frozen=True)
class Repaired:
    """A valid value, and why it is not the one that was there; no reason if it is."""

    value: str | None
    """None if nothing valid can be made of it."""
    reason: str = ""


_MAXIMUM_CHARACTERS = {"AE": 16, "SH": 16, "LO": 64, "ST": 1024, "LT": 10240}
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters of ISO 646 and ISO 8859, and halves of UTF-16 pairs, which are no characters."""

_LINE_CHARACTERS = re.compile(r"[\t\n\f\r]")
_MULTI_LINE_VRS = frozenset(("ST", "LT", "UT"))


_TERMS_OF = {"PatientSex": ("M", "F", "O")}
"""By keyword: the only values that an attribute may have (PS3.3, C.7.1.1)."""

_MEANT_BY = {"MALE": "M", "FEMALE": "F", "OTHER": "O"}
"""Words that are written for a term, in capitals."""


def repaired_term(keyword: str, text: str) -> Repaired | None:
    """Return what `repaired_value` does of an attribute that may have but few values; None of any other."""
    terms = _TERMS_OF.get(keyword)
    if terms is None:
        return None
    stripped = text.strip(" \0")
    if stripped in terms:
        return Repaired(stripped)
    meant = _MEANT_BY.get(stripped.upper(), stripped.upper())
    return Repaired(meant if meant in terms else None, f"none of {', '.join(terms)}")


def repaired_value(vr: str, text: str) -> Repaired:
    """Return the nearest valid value of that VR to one value's text."""
    rule = _RULES.get(vr, _text_rule)
    return rule(vr, text)


def text_of_utf8_read_as_latin1(text: str) -> str | None:
    """Return what was meant, if the text is UTF-8 that was taken for ISO 8859-1; else None.

    Text that really is Latin-1 and not ASCII is next to never also valid UTF-8.
    """
    try:
        meant = text.encode("iso8859-1").decode("utf-8")
    except UnicodeError:
        return None
    return meant if meant != text else None


def _text_rule(vr: str, text: str) -> Repaired:
    reasons = []
    cleaned = _CONTROL_CHARACTERS.sub("", text.replace("\ufffd", "?"))
    if vr not in _MULTI_LINE_VRS:
        cleaned = _LINE_CHARACTERS.sub(" ", cleaned).replace("\\", "/")
    if cleaned != text:
        reasons.append("written with characters that DICOM does not allow there")
    limit = _MAXIMUM_CHARACTERS.get(vr)
    if limit is not None and len(cleaned) > limit:
        reasons.append(f"longer than {limit} characters")
        cleaned = cleaned[:limit].rstrip()
    return Repaired(cleaned, " and ".join(reasons))


def _person_name_rule(vr: str, text: str) -> Repaired:
    del vr
    cleaned = _text_rule("PN", text).value or ""
    groups = cleaned.split("=")[:3]
    limited = "=".join("^".join(group.split("^")[:5])[:64].rstrip("^ ") for group in groups)
    if limited == text or limited == text.rstrip("^= "):
        return Repaired(text if limited == text else limited)
    return Repaired(limited, "not a person name of at most 5 components and 64 characters a group")


def _code_string_rule(vr: str, text: str) -> Repaired:
    del vr
    cleaned = re.sub(r"[^A-Z0-9 _]", "_", text.strip().upper())[:16].rstrip()
    return Repaired(
        cleaned, "" if cleaned == text.strip() else "not a code string (up to 16 of A-Z, 0-9, space, underscore)"
    )


def _date_rule(vr: str, text: str) -> Repaired:
    del vr
    stripped = text.strip()
    if _is_date(stripped):
        return Repaired(stripped)
    digits = re.sub(r"[.\-/]", "", stripped)
    return Repaired(digits if _is_date(digits) else None, "not a date (YYYYMMDD)")


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", text) is not None


def _time_rule(vr: str, text: str) -> Repaired:
    del vr
    stripped = text.strip()
    if _is_time(stripped):
        return Repaired(stripped)
    without_colons = stripped.replace(":", "")
    whole, dot, fraction = without_colons.partition(".")
    shortened = whole + dot + fraction[:6]
    return Repaired(shortened if _is_time(shortened) else None, "not a time (HHMMSS.FFFFFF)")


def _is_time(text: str) -> bool:
    return re.fullmatch(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?", text) is not None


def _integer_string_rule(vr: str, text: str) -> Repaired:
    del vr
    stripped = text.strip()
    try:
        number = int(stripped)
    except ValueError:
        try:
            number = round(float(stripped))
        except (ValueError, OverflowError):
            return Repaired(None, "not an integer")
        return Repaired(str(number), "not an integer") if abs(number) < 2**31 else Repaired(None, "not an integer")
    if not -(2**31) <= number < 2**31:
        return Repaired(None, "an integer beyond 32 bits")
    return Repaired(stripped) if len(stripped) <= 12 else Repaired(str(number), "longer than 12 characters")


def _decimal_string_rule(vr: str, text: str) -> Repaired:
    del vr
    stripped = text.strip()
    try:
        number = float(stripped.replace(",", "."))
    except ValueError:
        return Repaired(None, "not a decimal number")
    if number != number or number in (float("inf"), float("-inf")):
        return Repaired(None, "not a finite number")
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", stripped) and len(stripped) <= 16:
        return Repaired(stripped)
    return Repaired(decimal_string(number), "not a decimal string of at most 16 characters")


def _unique_identifier_rule(vr: str, text: str) -> Repaired:
    """Keep a UID as it is or drop it: another one would name something else."""
    del vr
    stripped = text.strip(" \0")
    return Repaired(stripped) if is_usable_uid(stripped) else Repaired(None, "not a UID (64 of digits and dots)")


def _age_rule(vr: str, text: str) -> Repaired:
    del vr
    stripped = text.strip().upper()
    if re.fullmatch(r"\d{3}[DWMY]", stripped):
        return Repaired(stripped, "" if stripped == text.strip() else "not an age (nnnD, nnnW, nnnM, nnnY)")
    match = re.fullmatch(r"(\d{1,3})([DWMY]?)", stripped)
    value = f"{int(match[1]):03d}{match[2] or 'Y'}" if match else None
    return Repaired(value, "not an age (nnnD, nnnW, nnnM, nnnY)")


_RULES: dict[str, Callable[[str, str], Repaired]] = {
    "PN": _person_name_rule,
    "CS": _code_string_rule,
    "DA": _date_rule,
    "TM": _time_rule,
    "IS": _integer_string_rule,
    "DS": _decimal_string_rule,
    "UI": _unique_identifier_rule,
    "AS": _age_rule,
}

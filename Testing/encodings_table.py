"""The table of encodings of Docs/encodings.md, made from the code: `python3 tasks.py pages`."""

from __future__ import annotations

from pathlib import Path

from SegRLEExportLib.encoding.plan import PLANS

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- table of encodings: python3 tasks.py pages -->\n"
END = "<!-- end of table -->"


def table_of_encodings() -> str:
    """Return one row for each encoding, in Markdown."""
    lines = ["| id | what the file is | opens in | known problems |", "|---|---|---|---|"]
    for plan in PLANS.values():
        expert = " (for experts)" if plan.is_for_experts else ""
        what = f"{plan.title}{expert}: {plan.segmentation_type.value}, {plan.transfer_syntax.name}"
        lines.append(f"| `{plan.id}` | {what} | {plan.reads_in} | {plan.fails_in} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table into the page."""
    path = ROOT / "Docs" / "encodings.md"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    path.write_text(before + BEGIN + table_of_encodings() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()

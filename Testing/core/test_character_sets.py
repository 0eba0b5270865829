"""Names in every character set of PS3.3, C.12.1.1.2 end as right UTF-8 in the file, and none is called a repair."""

from __future__ import annotations

import pydicom
import pytest
from builders import a_segmentation, a_source, fixed_options
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from SegRLEExportLib.export import export

PATIENT_NAME = Tag(0x0010, 0x0010)
IN_ONE_SET = {
    "ISO_IR 100": ("iso8859_1", "Buc^Jérôme"),
    "ISO_IR 101": ("iso8859_2", "Wałęsa^Łukasz"),
    "ISO_IR 109": ("iso8859_3", "Ĝoja^Ĉu"),
    "ISO_IR 110": ("iso8859_4", "Bērziņš^Jānis"),
    "ISO_IR 144": ("iso8859_5", "Дюжина^Щит"),
    "ISO_IR 127": ("iso8859_6", "قباني^لنزار"),
    "ISO_IR 126": ("iso8859_7", "Διονυσιος"),
    "ISO_IR 138": ("iso8859_8", "שרון^דבורה"),
    "ISO_IR 148": ("iso8859_9", "Çavuşoğlu^İnci"),
    "ISO_IR 166": ("tis_620", "นามสกุล^ชื่อ"),
    "ISO_IR 13": ("shift_jis", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    "ISO_IR 203": ("iso8859_15", "Œuvrard^Žofia"),
    "ISO_IR 192": ("utf_8", "Wang^XiaoDong=王^小东"),
    "GB18030": ("gb18030", "Wang^XiaoDong=王^小东"),
    "GBK": ("gbk", "Wang^XiaoDong=王^小东"),
}
WITH_CODE_EXTENSIONS = [
    (
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        "\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab= ", "Zhang^XiaoDong=张^小东"),
    ("ISO 2022 IR 6\\ISO 2022 IR 144", b"Ivanov=\x1b-L" + "Иванов".encode("iso8859_5"), "Ivanov=Иванов"),
    ("ISO 2022 IR 100\\ISO 2022 IR 126", b"J\xe9r\xf4me=\x1b-F" + "Διον".encode("iso8859_7"), "Jérôme=Διον"),
    ("ISO 2022 IR 6\\ISO 2022 IR 101", b"Walesa=\x1b-B" + "Wałęsa".encode("iso8859_2"), "Walesa=Wałęsa"),
    ("ISO 2022 IR 6\\ISO 2022 IR 203", b"Zofia=\x1b-b" + "Žofia".encode("iso8859_15"), "Zofia=Žofia"),
    ("ISO 2022 IR 6\\ISO 2022 IR 166", b"Thai=\x1b-T" + "ชื่อ".encode("tis_620"), "Thai=ชื่อ"),
]
CASES = [
    *((charset, text.encode(codec), text) for charset, (codec, text) in IN_ONE_SET.items()),
    *WITH_CODE_EXTENSIONS,
]


@pytest.mark.parametrize(("charset", "stored", "meant"), CASES, ids=[case[0] for case in CASES])
def test_a_name_is_written_as_it_was_meant(charset, stored, meant, tmp_path):
    source = a_source()
    source.header.SpecificCharacterSet = charset.split("\\") if "\\" in charset else charset
    value = stored + b" " * (len(stored) % 2)
    source.header[PATIENT_NAME] = RawDataElement(PATIENT_NAME, "PN", len(value), value, 0, False, True)
    source.header.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    header = pydicom.dcmread(tmp_path / "image.dcm")
    object.__setattr__(source, "header", header)

    report = export(a_segmentation(), source, tmp_path / "seg.dcm", options=fixed_options(strict=True))

    written = pydicom.dcmread(tmp_path / "seg.dcm")
    assert str(written.PatientName) == meant
    assert written.SpecificCharacterSet == "ISO_IR 192"
    assert "invalid-value" not in {finding.id for finding in report.findings}

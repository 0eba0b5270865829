"""Just enough of DICOMweb (PS3.18) to store a file and get it back."""

from __future__ import annotations

import email
import email.policy
import json
import urllib.error
import urllib.request
from pathlib import Path

_BOUNDARY = "peers"


class Web:
    """An Orthanc with its DICOMweb plugin, on the loopback."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"

    def store(self, path: Path) -> str:
        """Store a file by STOW-RS; return what the server said."""
        head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = head + path.read_bytes() + f"\r\n--{_BOUNDARY}--\r\n".encode()
        kind = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
        headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
        try:
            return self._ask("/dicom-web/studies", body, headers).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code}: {error.reason}"

    def taken_out(self, inbox: Path, transfer_syntax: str) -> list[Path]:
        """Get all instances by WADO-RS in that transfer syntax (`*`: as stored) into `inbox`, and delete them."""
        inbox.mkdir(exist_ok=True)
        for number, name in enumerate(json.loads(self._ask("/instances"))):
            tags = json.loads(self._ask(f"/instances/{name}/simplified-tags"))
            where = (
                f"/dicom-web/studies/{tags['StudyInstanceUID']}/series/{tags['SeriesInstanceUID']}"
                f"/instances/{tags['SOPInstanceUID']}"
            )
            accept = f'multipart/related; type="application/dicom"; transfer-syntax={transfer_syntax}'
            try:
                (inbox / f"{number}.dcm").write_bytes(self._part(where, accept))
            except urllib.error.HTTPError:
                continue
            finally:
                self._ask(f"/instances/{name}", method="DELETE")
        return list(inbox.iterdir())

    def _part(self, where: str, accept: str) -> bytes:
        """Return the first part of a multipart answer."""
        request = urllib.request.Request(self._address + where, headers={"Accept": accept})
        with urllib.request.urlopen(request) as answer:
            head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
            message = email.message_from_bytes(head + answer.read(), policy=email.policy.HTTP)
        part = message.get_payload(0)
        return bytes(part.get_payload(decode=True))  # type: ignore[union-attr,arg-type]

    def _ask(
        self, what: str, body: bytes | None = None, headers: dict[str, str] | None = None, *, method: str | None = None
    ) -> bytes:
        request = urllib.request.Request(self._address + what, body, headers or {}, method=method)
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())

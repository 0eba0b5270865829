"""Orthanc, a server on the loopback alone: stores the file, then shows its frames or gives it back uncompressed."""

from __future__ import annotations

import atexit
import io
import json
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from peers.reading.found import FoundSegment, segments_of_frames
from peers.reading.tools import RefusedError, native_frames

_SECONDS_TO_START = 30
_server: list[str] = []


def version(options: dict[str, Any]) -> str:
    """Start the server, and return the version that it states."""
    _server.append(start(options["program"], Path(tempfile.mkdtemp(prefix="orthanc-"))))
    return str(json.loads(_ask("/system"))["Version"])


def read(path: Path, options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, without names."""
    instance = json.loads(_ask("/instances", path.read_bytes()))["ID"]
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if options["as"] == "frames":
            return segments_of_frames(dataset, _shown(instance, dataset))
        wish = {"Transcode": str(ExplicitVRLittleEndian), "Keep": ["SOPInstanceUID"], "Force": True}
        plain = pydicom.dcmread(io.BytesIO(_ask(f"/instances/{instance}/modify", json.dumps(wish).encode())))
        return segments_of_frames(plain, native_frames(plain))
    finally:
        _ask(f"/instances/{instance}", method="DELETE")


def start(program: str, folder: Path) -> str:
    """Start a server that keeps its files in `folder`; return its address. It ends with this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    process = subprocess.Popen([program, str(folder / "orthanc.json")], stderr=subprocess.DEVNULL)
    atexit.register(process.terminate)
    address = f"http://127.0.0.1:{port}"
    for _ in range(_SECONDS_TO_START * 5):
        try:
            urllib.request.urlopen(f"{address}/system").close()
            return address
        except OSError:
            time.sleep(0.2)
    raise RefusedError(f"the server does not answer after {_SECONDS_TO_START} s")


def _shown(instance: str, dataset: Any) -> list[np.ndarray]:
    kind = "image-uint16" if dataset.BitsAllocated == 16 else "image-uint8"
    pictures = [_ask(f"/instances/{instance}/frames/{n}/{kind}") for n in range(dataset.NumberOfFrames)]
    return [np.asarray(Image.open(io.BytesIO(picture))) for picture in pictures]


def _ask(what: str, body: bytes | None = None, *, method: str | None = None) -> bytes:
    request = urllib.request.Request(_server[0] + what, body, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        told = re.search(r'"(?:Details|Message)" : "([^"]*)"', error.read().decode("utf-8", "replace"))
        raise RefusedError(f"HTTP {error.code} on {what.split('/')[-1]}: {told[1] if told else error.reason}") from None

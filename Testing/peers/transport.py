"""What hospitals do to files: C-STORE and DICOMweb from one program to another, and what arrives.

`python -m peers.transport <result file> [quick]` does the deliveries and writes them as JSON. Run it in a network of
its own (`alone_on_loopback`): the receivers of DCMTK and Orthanc listen on every interface that they find.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

from peers.cases import WrittenCase, WrittenFile, write_case_set
from peers.comparison import differences
from peers.dicomweb import Web
from peers.environments import AbsentError, Environments, default_cache, program
from peers.measuring import shortened
from peers.reading import by_pydicom
from peers.reading.tools import telling_line

CASE = "several-37x41"
"""One case is enough: transport does not look at pixels."""

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
"""Where Debian puts it."""

_SECONDS_TO_START = 20
_SECONDS_TO_SEND = 30

Fetch = Callable[[], list[Path]]
"""Returns the files that arrived."""

Send = Callable[[Path, int], str]
"""Sends a file to a port; returns what the sender said."""

Serve = Callable[[Path], contextlib.AbstractContextManager[tuple[int, Fetch]]]
"""Runs a receiver that keeps its files in a folder; hands out its port."""


@dataclass(frozen=True)
class Delivery:
    """What became of one file."""

    outcome: str
    """`as sent`, `refused`, `WRONG`, or the name of the transfer syntax it arrived in, all voxels right."""
    message: str = ""


Deliveries = dict[str, dict[str, Delivery]]
"""By way (sender to receiver), then by encoding."""


def deliver(result: Path, *, is_quick: bool) -> None:
    """Send the case in every encoding on every way."""
    with tempfile.TemporaryDirectory(prefix="peers-transport-") as folder:
        written = [case for case in write_case_set(Path(folder)) if case.case_id == CASE]
        told: dict[str, dict[str, dict[str, str]]] = {}
        for receiver, serve, senders in _ways(is_quick=is_quick):
            with serve(Path(tempfile.mkdtemp(dir=folder))) as (port, fetch):
                for sender, send in senders.items():
                    by_plan = {case.plan_id: vars(_delivered(case, send, port, fetch)) for case in written}
                    told[f"{sender} to {receiver}"] = by_plan
    result.write_text(json.dumps(told), "utf-8")


def alone_on_loopback(*, is_quick: bool) -> Deliveries:
    """Return the deliveries, made in a network namespace with nothing but the loopback; raises `AbsentError`."""
    for name in ("unshare", "ip", "storescu", "storescp", *(() if is_quick else ("Orthanc",))):
        program(name)
    if not is_quick:
        _pynetdicom()
        if not DICOMWEB_PLUGIN.exists():
            raise AbsentError(f"Orthanc's plugin {DICOMWEB_PLUGIN.name} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "deliveries.json"
        inside = f'ip link set lo up && exec "{sys.executable}" -m peers.transport "{result}" {"quick" * is_quick}'
        testing = Path(__file__).parents[1]
        environment = {**os.environ, "PYTHONPATH": f"{testing}:{testing.parent / 'SegRLEExport'}"}
        command = ["unshare", "--map-root-user", "--net", "sh", "-c", inside]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AbsentError(f"no network of its own could be made: {telling_line(done.stderr)}")
        told = json.loads(result.read_text("utf-8"))
    return {way: {plan: Delivery(**found) for plan, found in by_plan.items()} for way, by_plan in told.items()}


def _pynetdicom() -> Path:
    return Environments(default_cache()).python("pynetdicom")


def _ways(*, is_quick: bool) -> Iterator[tuple[str, Serve, dict[str, Send]]]:
    """Yield each receiver with the senders that are tried on it; the quick ones need Debian's DCMTK alone."""
    dimse = {"storescu": _storescu} if is_quick else {"storescu": _storescu, "pynetdicom": _pynetdicom_storescu}
    yield "storescp", _into_folder("storescp"), dimse
    yield "storescp --accept-all", _into_folder("storescp", "--accept-all"), dimse
    if is_quick:
        return
    promiscuous = ("--accept-all", "--promiscuous")
    yield "storescp --accept-all --promiscuous", _into_folder("storescp", *promiscuous), dimse
    python = (str(_pynetdicom()), "-m", "pynetdicom", "storescp", "-ba", "127.0.0.1")
    yield "pynetdicom", _into_folder(*python), dimse
    yield "Orthanc", _orthanc(), dimse
    yield "Orthanc with UnknownSopClassAccepted", _orthanc(UnknownSopClassAccepted=True), dimse
    stow = {"STOW-RS": lambda path, port: Web(port).store(path)}
    for wish, syntax in (("as stored", "*"), ("uncompressed", str(ExplicitVRLittleEndian))):
        yield f"Orthanc, back by WADO-RS {wish}", _dicomweb(syntax), stow


def _storescu(path: Path, port: int) -> str:
    syntax = pydicom.filereader.read_file_meta_info(path).TransferSyntaxUID
    proposal = {RLELossless: ["-xr"], DeflatedExplicitVRLittleEndian: ["-xd"]}.get(syntax, [])
    return _said("storescu", "-R", *proposal, "127.0.0.1", str(port), str(path))


def _pynetdicom_storescu(path: Path, port: int) -> str:
    return _said(str(_pynetdicom()), "-m", "pynetdicom", "storescu", "-cx", "127.0.0.1", str(port), str(path))


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, timeout=_SECONDS_TO_SEND, check=False)
    return telling_line((done.stdout + done.stderr).decode("utf-8", "replace"))


def _into_folder(*command: str) -> Serve:
    @contextlib.contextmanager
    def serve(folder: Path) -> Iterator[tuple[int, Fetch]]:
        port = free_port()
        with _running([*command, "-od", str(folder), str(port)], port):
            yield port, lambda: [path for path in folder.iterdir() if path.is_file()]

    return serve


def _orthanc(**wishes: bool) -> Serve:
    @contextlib.contextmanager
    def serve(folder: Path) -> Iterator[tuple[int, Fetch]]:
        port, web = free_port(), free_port()
        with running_orthanc(folder, {"DicomPort": port, "HttpPort": web, "DicomAlwaysAllowStore": True, **wishes}):
            yield port, lambda: _taken_out(f"http://127.0.0.1:{web}/instances", folder / "inbox")

    return serve


def _dicomweb(transfer_syntax: str) -> Serve:
    @contextlib.contextmanager
    def serve(folder: Path) -> Iterator[tuple[int, Fetch]]:
        web = free_port()
        settings = {"DicomServerEnabled": False, "HttpPort": web, "Plugins": [str(DICOMWEB_PLUGIN)]}
        with running_orthanc(folder, settings):
            yield web, lambda: Web(web).taken_out(folder / "inbox", transfer_syntax)

    return serve


@contextlib.contextmanager
def running_orthanc(folder: Path, settings: dict[str, Any]) -> Iterator[None]:
    """Run an Orthanc that keeps its files in that folder; `settings` are those of orthanc.json."""
    common = {"RemoteAccessAllowed": False, "AuthenticationEnabled": False, "Plugins": []}
    places = {"StorageDirectory": str(folder), "IndexDirectory": str(folder)}
    (folder / "orthanc.json").write_text(json.dumps({**common, **places, **settings}))
    with _running([str(program("Orthanc")), str(folder / "orthanc.json")], settings["HttpPort"]):
        yield


def _taken_out(instances: str, inbox: Path) -> list[Path]:
    """Move all instances of an Orthanc to the folder `inbox`."""
    inbox.mkdir(exist_ok=True)
    for number, name in enumerate(json.loads(_get(instances))):
        (inbox / f"{number}.dcm").write_bytes(_get(f"{instances}/{name}/file"))
        urllib.request.urlopen(urllib.request.Request(f"{instances}/{name}", method="DELETE")).close()
    return list(inbox.iterdir())


def _delivered(case: WrittenCase, send: Send, port: int, fetch: Fetch) -> Delivery:
    """Send each file of a case; return the least good of what became of them."""
    became = [_sent(case, file, send(file.path, port), fetch) for file in case.files]
    order = ("WRONG", "refused")
    return min(became, key=lambda found: order.index(found.outcome) if found.outcome in order else len(order))


def _sent(case: WrittenCase, file: WrittenFile, said: str, fetch: Fetch) -> Delivery:
    arrived = fetch()
    try:
        if not arrived:
            return Delivery("refused", shortened(said))
        return _compared(case, file, arrived[0])
    finally:
        for path in arrived:
            path.unlink()


def _compared(case: WrittenCase, file: WrittenFile, arrived: Path) -> Delivery:
    sent, got = pydicom.dcmread(file.path), pydicom.dcmread(arrived)
    if sent == got and sent.file_meta.TransferSyntaxUID == got.file_meta.TransferSyntaxUID:
        return Delivery("as sent")
    told = differences(case.truth, file, by_pydicom.read(arrived, {"plugin": "pydicom"}))
    return Delivery("WRONG", shortened("; ".join(told))) if told else Delivery(got.file_meta.TransferSyntaxUID.name)


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(_SECONDS_TO_START * 5):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.2)
    raise AbsentError(f"the receiver does not listen after {_SECONDS_TO_START} s")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:
        return bytes(answer.read())


if __name__ == "__main__":
    deliver(Path(sys.argv[1]), is_quick="quick" in sys.argv[2:])

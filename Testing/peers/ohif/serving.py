"""The pages of a release of OHIF on a free port of the loopback, alone or before an Orthanc that has the studies."""

from __future__ import annotations

import http.client
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from peers.dicomweb import Web
from peers.environments import AbsentError
from peers.transport import DICOMWEB_PLUGIN, free_port, running_orthanc

_CONFIGURATION = """window.config = {
  routerBasename: null, extensions: [], modes: [], customizationService: {}, showStudyList: true,
  investigationalUseDialog: { option: 'never' }, defaultDataSourceName: 'FIRST',
  dataSources: [{ namespace: '@ohif/extension-default.dataSourcesModule.dicomlocal', sourceName: 'dicomlocal',
    configuration: { friendlyName: 'local' } },
  { namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'orthanc', configuration: {
    friendlyName: 'Orthanc', name: 'orthanc', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web',
    wadoUriRoot: '/dicom-web', qidoSupportsIncludeField: false, imageRendering: 'wadors',
    thumbnailRendering: 'wadors', enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
    omitQuotationForMultipartRequest: true, bulkDataURI: { enabled: true } } }],
};
"""
_OF_THE_SERVER = "/dicom-web"


@contextmanager
def served(pages: Path) -> Iterator[str]:
    """Serve the pages alone, for their /local page; yield the address."""
    with _listening(partial(_Handler, _CONFIGURATION.replace("FIRST", "dicomlocal"), None, directory=str(pages))) as at:
        yield at


@contextmanager
def served_with_orthanc(pages: Path, files: list[Path]) -> Iterator[str]:
    """Serve the pages and, as their DICOMweb server, an Orthanc that has those files; raises `AbsentError`."""
    if not DICOMWEB_PLUGIN.exists():
        raise AbsentError(f"Orthanc's plugin {DICOMWEB_PLUGIN.name} is not installed")
    port = free_port()
    settings = {"DicomServerEnabled": False, "HttpPort": port, "Plugins": [str(DICOMWEB_PLUGIN)]}
    configuration = _CONFIGURATION.replace("FIRST", "orthanc")
    with tempfile.TemporaryDirectory(prefix="ohif-orthanc-") as folder, running_orthanc(Path(folder), settings):
        for path in files:
            Web(port).store(path)
        with _listening(partial(_Handler, configuration, port, directory=str(pages))) as at:
            yield at


@contextmanager
def _listening(handler: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Handler(SimpleHTTPRequestHandler):
    """Serves the pages with the headers without which OHIF shares no memory, our configuration, and DICOMweb."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".wasm": "application/wasm"}

    def __init__(self, configuration: str, orthanc: int | None, *words: Any, **options: Any) -> None:
        self._configuration, self._orthanc = configuration, orthanc
        super().__init__(*words, **options)

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        super().end_headers()

    def do_GET(self) -> None:
        where = self.path.partition("?")[0]
        if where == "/app-config.js":
            self._answer(200, "text/javascript", self._configuration.encode())
        elif where.startswith(_OF_THE_SERVER) and self._orthanc:
            self._passed_on(self._orthanc)
        else:
            if not Path(self.translate_path(self.path)).is_file():
                self.path = "/index.html"
            super().do_GET()

    def _passed_on(self, port: int) -> None:
        """Ask Orthanc, which writes addresses as the header Forwarded says, and give its answer back."""
        orthanc = http.client.HTTPConnection("127.0.0.1", port)
        forwarded = f"for=127.0.0.1;host={self.headers['Host']};proto=http"
        orthanc.request("GET", self.path, headers={"Accept": self.headers["Accept"], "Forwarded": forwarded})
        answer = orthanc.getresponse()
        self._answer(answer.status, answer.headers["Content-Type"] or "", answer.read())
        orthanc.close()

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass

"""A DICOMweb server for tests: QIDO-RS in pages and WADO-RS of whole instances (PS3.18), with faults on demand."""

from __future__ import annotations

import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

BOUNDARY = "0f3a--part"
#: Fewer than are asked for, as servers may answer.
PAGE = 3

_INSTANCE = re.compile(r"^/dicom-web/studies/([0-9.]+)/series/([0-9.]+)/instances/([0-9.]+)$")
_LIST = re.compile(r"^/dicom-web/studies(?:/([0-9.]+)/instances)?$")

#: Answers a request for an instance: given its UID and the connection's port, a status or None for the instance.
Fault = Callable[[str, int], "int | None"]


def instance(study: str, series: str, frames: numpy.ndarray) -> FileDataset:
    """Gray frames, (count, height, width), of 8 or 16 bits."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = study, series, "XA"
    made.PatientName, made.PatientID = "Phantom", "0"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.NumberOfFrames, made.Rows, made.Columns = frames.shape
    bits = 8 * frames.dtype.itemsize
    made.BitsAllocated, made.BitsStored, made.HighBit = bits, bits, bits - 1
    made.PixelData = frames.tobytes()
    return made


def as_bytes(dataset: FileDataset) -> bytes:
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


class Server:
    """Runs in threads of this process; `asked` counts what was asked for, by instance."""

    def __init__(self, instances: list[FileDataset]) -> None:
        self.uids = [(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID) for made in instances]
        self.files = {uid[2]: as_bytes(made) for uid, made in zip(self.uids, instances)}
        self.asked: Counter[str] = Counter()
        self.fault: Fault = lambda uid, port: None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}/dicom-web"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def names(self) -> set[str]:
        return {"/".join(uid) for uid in self.uids}

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    # The client was killed.
                    self.close_connection = True

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if found := _INSTANCE.match(parts.path):
                    self.retrieve(*found.groups())
                elif found := _LIST.match(parts.path):
                    self.search(found.group(1), parse_qs(parts.query))
                else:
                    self.answer(404)

            def search(self, study: str | None, query: dict[str, list[str]]) -> None:
                if study is None:
                    entries = [{"0020000D": uid} for uid in dict.fromkeys(uid[0] for uid in server.uids)]
                else:
                    entries = [
                        {"0020000D": uid[0], "0020000E": uid[1], "00080018": uid[2]}
                        for uid in server.uids
                        if uid[0] == study
                    ]
                first = int(query.get("offset", ["0"])[0])
                page = entries[first : first + min(PAGE, int(query.get("limit", [str(PAGE)])[0]))]
                listed = [{tag: {"vr": "UI", "Value": [uid]} for tag, uid in entry.items()} for entry in page]
                self.answer(200 if listed else 204, "application/dicom+json", json.dumps(listed).encode())

            def retrieve(self, study: str, series: str, uid: str) -> None:
                server.asked[uid] += 1
                status = server.fault(uid, self.client_address[1])
                accept = self.headers.get("Accept", "")
                if status is not None:
                    self.answer(status)
                elif "multipart/related" not in accept or 'type="application/dicom"' not in accept:
                    self.answer(406)
                elif (study, series, uid) not in server.uids:
                    self.answer(404)
                else:
                    mark = f"--{BOUNDARY}".encode()
                    body = mark + b"\r\nContent-Type: application/dicom\r\n\r\n" + server.files[uid]
                    kind = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
                    self.answer(200, kind, body + b"\r\n" + mark + b"--\r\n")

            def answer(self, status: int, kind: str = "text/plain", body: bytes = b"") -> None:
                body = b"" if status == 204 else body
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler

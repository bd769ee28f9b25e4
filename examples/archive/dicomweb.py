"""DICOMweb servers, such as Orthanc with its plugin: QIDO-RS to list instances, WADO-RS to get them (PS3.18)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests_toolbelt.multipart.decoder import MultipartDecoder
from sources import Item, ReadError, SourceError, TransientReadError

#: The value of the Authorization header, such as "Bearer ..."; without it, ~/.netrc is used where it names the server.
AUTHORIZATION = "DICOMWEB_AUTHORIZATION"

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
PAGE = 500
CONNECT_SECONDS, READ_SECONDS = 10, 120

# Too early or too many requests, and a server that is ill.
_PASSING_STATUSES = frozenset((408, 425, 429, 500, 502, 503, 504))
# As it is stored: nothing is decoded or coded anew on the way.
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class DicomWeb:
    """All instances of all studies that match: attributes and values to match, by keyword, for each of the two."""

    def __init__(self, address: str, studies: Mapping[str, str], instances: Mapping[str, str]) -> None:
        parts = urlsplit(address)
        place = parts.netloc.rpartition("@")[2]
        self._root = address.rstrip("/")
        self._studies, self._instances = dict(studies), dict(instances)
        self._authorization = os.environ.get(AUTHORIZATION)
        self._session: requests.Session | None = None
        # Never with a password.
        self.name = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}

    def items(self) -> Iterator[Item]:
        """Study by study: an archive's instances are more than a server would answer at once."""
        for study in self._pages("/studies", self._studies, STUDY):
            uid = _value(study, STUDY)
            for instance in self._pages(f"/studies/{uid}/instances", self._instances, INSTANCE):
                name = f"{uid}/{_value(instance, SERIES)}/{_value(instance, INSTANCE)}"
                yield Item(name, name.encode())

    def read(self, location: bytes) -> bytes:
        study, series, instance = location.decode().split("/")
        response = self._get(f"/studies/{study}/series/{series}/instances/{instance}", _ACCEPT)
        kind = response.headers.get("Content-Type", "")
        if kind.lower().startswith("application/dicom") and "json" not in kind:
            return response.content
        if not kind.lower().startswith("multipart/related") or "boundary=" not in kind.lower():
            raise ReadError(f'the server answered with "{kind}"; it must be multipart/related with a boundary')
        parts = MultipartDecoder.from_response(response).parts
        if len(parts) != 1:
            raise ReadError(f"the server answered with {len(parts)} instances, not 1")
        return bytes(parts[0].content)

    def _pages(self, path: str, query: Mapping[str, str], unique: str) -> Iterator[dict[str, Any]]:
        """Ends when a page brings nothing new, so also with servers that know no offset and answer with all."""
        seen: set[str] = set()
        offset = 0
        while True:
            try:
                response = self._get(path, "application/dicom+json", {**query, "limit": PAGE, "offset": offset})
                # 204: nothing matches.
                page = response.json() if response.content else []
            except (ReadError, requests.exceptions.JSONDecodeError) as error:
                raise SourceError(f"cannot list the archive: {error}") from error
            new = {_value(entry, unique): entry for entry in page}
            if not new.keys() - seen:
                return
            yield from (entry for uid, entry in new.items() if uid not in seen)
            seen |= new.keys()
            offset += len(page)

    def _get(self, path: str, accept: str, query: Mapping[str, Any] | None = None) -> requests.Response:
        headers = {"Accept": accept}
        if self._authorization:
            headers["Authorization"] = self._authorization
        if self._session is None:
            self._session = requests.Session()
        try:
            response = self._session.get(
                self._root + path, params=query, headers=headers, timeout=(CONNECT_SECONDS, READ_SECONDS)
            )
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise TransientReadError(f"{self.name}: {_cause(error)}") from error
        except requests.RequestException as error:
            raise ReadError(f"{self.name}: {error}") from error
        if not response.ok:
            failure: Callable[[str], ReadError] = (
                TransientReadError if response.status_code in _PASSING_STATUSES else ReadError
            )
            raise failure(f"{self.name}{path}: status {response.status_code} {response.reason}")
        return response


def _value(entry: Mapping[str, Any], tag: str) -> str:
    values = entry.get(tag, {}).get("Value")
    if not values:
        raise SourceError(f"the server's list has an entry without the attribute {tag}")
    return str(values[0])


def _cause(error: Exception) -> str:
    """Of several that are wrapped in each other, the innermost says what happened."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[0], BaseException):
        inner = inner.args[0]
    reason = getattr(inner, "reason", None)
    return str(reason if isinstance(reason, BaseException) else inner)

"""Blobs and external files: metadata by the API, bytes behind short-lived URLs.

The bytes need no token and no budget, as Benchling's storage does not.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from benchling_connector.simulator.answers import Answer, Call, bad_ids, json_answer, refusal
from benchling_connector.simulator.identity import short_id
from benchling_connector.simulator.lists import split_ids
from benchling_connector.simulator.tenant import Tenant

DOWNLOADS: Final = "/_downloads/"
_BULK: Final = "/api/v2/blobs:bulk-get"
_BLOB: Final = re.compile(r"/api/v2/blobs/([^/:]+)(/download|/download-url)?")
_EXTERNAL: Final = re.compile(r"/api/v2/entries/([^/]+)/external-files/([^/]+)")
_LIFETIME: Final = 3600

Found = tuple[str, Callable[[Call], Answer], Sequence[str], str | None, bool, bool]


def route(tenant: Tenant, path: str) -> Found | None:
    """The parts of a route to a file's metadata or bytes, or None."""
    if path == _BULK:
        return path, lambda call: _blobs(tenant, call), (), None, True, True
    if match := _BLOB.fullmatch(path):
        blob_id, what = match[1], match[2] or ""
        name = f"/api/v2/blobs/{{id}}{what}"
        # A download does not count against the rate limit, says Benchling.
        counted = what != "/download"
        return name, lambda _: _blob(tenant, blob_id, what), (blob_id,), None, True, counted
    if match := _EXTERNAL.fullmatch(path):
        entry_id, file_id = match[1], match[2]
        name = "/api/v2/entries/{id}/external-files/{id}"
        return name, lambda _: _external(tenant, entry_id, file_id), (file_id,), None, True, True
    if path.startswith(DOWNLOADS):
        return f"{DOWNLOADS}{{id}}", lambda call: _bytes(call), (), None, False, False
    return None


def content(file_id: str) -> bytes:
    """The bytes of a blob or external file: a small table that names it."""
    return f"well,A450,file\nA1,0.10,{file_id}\nA2,1e-07,{file_id}\n".encode()


def _document(blob_id: str) -> dict[str, object]:
    return {
        "id": blob_id,
        "mimeType": "text/csv",
        "name": "Plate-µ.csv",
        "type": "RAW_FILE",
        "uploadStatus": "COMPLETE",
    }


def _blob(tenant: Tenant, blob_id: str, what: str) -> Answer:
    if blob_id not in tenant.blobs:
        return refusal(404, f"Could not find an item with ID {blob_id}", invalidId=blob_id)
    if not what:
        return json_answer(200, _document(blob_id))
    url = _url(tenant, blob_id)
    if what == "/download":
        return Answer(302, b"", headers={"Location": url})
    return json_answer(200, {"downloadURL": url, "expiresAt": _expiry(tenant)})


def _blobs(tenant: Tenant, call: Call) -> Answer:
    ids = split_ids(call.query.get("blobIds"))
    bad = [blob_id for blob_id in ids if blob_id not in tenant.blobs]
    if bad:
        return bad_ids(bad)
    return json_answer(200, {"blobs": [_document(blob_id) for blob_id in ids]})


def _external(tenant: Tenant, entry_id: str, file_id: str) -> Answer:
    known = tenant.visible("entry", entry_id)
    if not known or short_id("efl_", tenant.seed, tenant.get("entry", entry_id).ordinal) != file_id:
        return refusal(404, f"Could not find an item with ID {file_id}", invalidId=file_id)
    document = {
        "downloadURL": _url(tenant, file_id),
        "expiresAt": _expiry(tenant),
        "id": file_id,
        "size": len(content(file_id)),
    }
    return json_answer(200, {"externalFile": document})


def _url(tenant: Tenant, file_id: str) -> str:
    return f"{tenant.public_url}{DOWNLOADS}{file_id}?expires={_expiry(tenant)}&signature=c2ln"


def _expiry(tenant: Tenant) -> int:
    return int(tenant.clock()) + _LIFETIME


def _bytes(call: Call) -> Answer:
    return Answer(200, content(call.path.removeprefix(DOWNLOADS)), "text/csv")

"""Reading: trees, single files with ranges, downloads of LFS blobs."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from .errors import HubResponseError
from .store import Commit, File, Repo

router = APIRouter()
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def _find(request: Request, kind: str, repo_id: str) -> Repo:
    hub = request.app.state.server.hub
    return hub.repo(kind.removesuffix("s"), repo_id, hub.user(request.headers.get("authorization")))


def _entry(path: str, file: File) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "oid": file.blob, "size": len(file.content), "path": path}
    if file.lfs:
        entry["lfs"] = {"oid": file.sha256, "size": len(file.content), "pointerSize": len(file.pointer)}
    return entry


def _folders(commit: Commit) -> set[str]:
    return {"/".join(path.split("/")[:i]) for path in commit.files for i in range(1, path.count("/") + 1)}


@router.get("/api/{kind}/{ns}/{name}/tree/{rev}")
@router.get("/api/{kind}/{ns}/{name}/tree/{rev}/{path:path}")
def tree(request: Request, kind: str, ns: str, name: str, rev: str, path: str = "", recursive: bool = False) -> list[dict]:
    commit = _find(request, kind, f"{ns}/{name}").at(rev)
    path, folders = path.strip("/"), _folders(commit)
    if path and path not in folders:
        raise HubResponseError(404, f"{path} does not exist on {rev}", code="EntryNotFound")
    inside = f"{path}/" if path else ""
    entries = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": folder} for folder in sorted(folders)]
    entries += [_entry(name, file) for name, file in sorted(commit.files.items())]
    chosen = [entry for entry in entries if entry["path"].startswith(inside) and entry["path"] != path]
    return [entry for entry in chosen if recursive or "/" not in entry["path"][len(inside) :]]


@router.post("/api/{kind}/{ns}/{name}/paths-info/{rev:path}")
async def paths_info(request: Request, kind: str, ns: str, name: str, rev: str) -> list[dict]:
    commit = _find(request, kind, f"{ns}/{name}").at(rev)
    form = await request.form() if "json" not in request.headers.get("content-type", "") else None
    paths = form.getlist("paths") if form is not None else (await request.json())["paths"]
    folders = _folders(commit)
    found = []
    for path in [paths] if isinstance(paths, str) else paths:
        if path in commit.files:
            found.append(_entry(path, commit.files[path]))
        elif path in folders:
            found.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": path})
    return found


@router.api_route("/datasets/{ns}/{name}/resolve/{rev}/{path:path}", methods=["GET", "HEAD"])
def resolve_dataset(request: Request, ns: str, name: str, rev: str, path: str) -> Response:
    return _resolve(request, "dataset", f"{ns}/{name}", rev, path)


@router.api_route("/spaces/{ns}/{name}/resolve/{rev}/{path:path}", methods=["GET", "HEAD"])
def resolve_space(request: Request, ns: str, name: str, rev: str, path: str) -> Response:
    return _resolve(request, "space", f"{ns}/{name}", rev, path)


@router.api_route("/{ns}/{name}/resolve/{rev}/{path:path}", methods=["GET", "HEAD"])
def resolve_model(request: Request, ns: str, name: str, rev: str, path: str) -> Response:
    return _resolve(request, "model", f"{ns}/{name}", rev, path)


def _resolve(request: Request, kind: str, repo_id: str, rev: str, path: str) -> Response:
    repo = _find(request, kind, repo_id)
    commit = repo.at(rev)
    file = commit.files.get(path)
    if file is None:
        missing = HubResponseError(404, "Entry not found", code="EntryNotFound", headers={"X-Repo-Commit": commit.oid})
        raise missing
    headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}
    if file.lfs:  # as the Hub does it: the bytes lie on another host, and no token goes there
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(len(file.content))}
        location = f"http://localhost:{request.url.port}/lfs-download/{kind}/{repo_id}/{file.sha256}"
        return RedirectResponse(location, status_code=302, headers=headers)
    return _content(request, file.content, headers)


@router.api_route("/lfs-download/{kind}/{ns}/{name}/{oid}", methods=["GET", "HEAD"])
def download(request: Request, kind: str, ns: str, name: str, oid: str) -> Response:
    if "authorization" in request.headers:
        raise HubResponseError(400, "A token was sent to another host")
    content = request.app.state.server.hub.repos[kind, f"{ns}/{name}"].lfs[oid]
    return _content(request, content, {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})


def _content(request: Request, content: bytes, headers: dict[str, str]) -> Response:
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    status, part = 200, content
    if asked:
        first, last = asked.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        stop = min(int(last) + 1, len(content)) if first and last else len(content)
        if start >= len(content):
            raise HubResponseError(416, "Range not satisfiable", headers={"Content-Range": f"bytes */{len(content)}"})
        status, part = 206, content[start:stop]
        headers = headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
    response = Response(b"" if request.method == "HEAD" else part, status, headers, "application/octet-stream")
    response.headers["Content-Length"] = str(len(part))
    return response

"""Writing: preupload, LFS batch with PUT and verify, and the commit, which is all or nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from .errors import HubResponseError
from .store import File, Repo, is_large
from .yaml_check import card_problems

router = APIRouter()


def _find(request: Request, kind: str, repo_id: str) -> tuple[Repo, str]:
    hub = request.app.state.server.hub
    user = hub.user(request.headers.get("authorization"))
    return hub.repo(kind.removesuffix("s"), repo_id, user, write=True), user.name


@router.post("/api/{kind}/{ns}/{name}/preupload/{rev:path}")
async def preupload(request: Request, kind: str, ns: str, name: str, rev: str) -> dict:
    repo, _ = _find(request, kind, f"{ns}/{name}")
    files, body = repo.at(rev).files, await request.json()
    answers = []
    for asked in body["files"]:
        path, known = asked["path"], files.get(asked["path"])
        mode = "lfs" if is_large(path, asked["size"]) else "regular"
        answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": known.etag if known else None})
    return {"files": answers}


@router.post("/{ns}/{name}.git/info/lfs/objects/batch")
async def batch_model(request: Request, ns: str, name: str) -> dict:
    return await _batch(request, "model", f"{ns}/{name}")


@router.post("/datasets/{ns}/{name}.git/info/lfs/objects/batch")
async def batch_dataset(request: Request, ns: str, name: str) -> dict:
    return await _batch(request, "dataset", f"{ns}/{name}")


@router.post("/spaces/{ns}/{name}.git/info/lfs/objects/batch")
async def batch_space(request: Request, ns: str, name: str) -> dict:
    return await _batch(request, "space", f"{ns}/{name}")


async def _batch(request: Request, kind: str, repo_id: str) -> dict:
    repo, _ = _find(request, kind, repo_id)
    body, base = await request.json(), str(request.base_url).rstrip("/")
    objects = []
    for wanted in body["objects"]:
        answer: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] not in repo.lfs:  # what is there already has no actions
            place = f"{kind}/{repo_id}/{wanted['oid']}"
            verify = {"href": f"{base}/lfs-verify/{place}", "header": {}}
            answer["actions"] = {"upload": {"href": f"{base}/lfs-upload/{place}", "header": {}}, "verify": verify}
        objects.append(answer)
    return {"transfer": "basic", "objects": objects}


@router.put("/lfs-upload/{kind}/{ns}/{name}/{oid}")
async def upload(request: Request, kind: str, ns: str, name: str, oid: str) -> Response:
    content = await request.body()
    if hashlib.sha256(content).hexdigest() != oid:
        raise HubResponseError(400, "The content is not what the hash says")
    request.app.state.server.hub.repos[kind, f"{ns}/{name}"].lfs[oid] = content
    return Response(status_code=200, headers={"ETag": f'"{oid}"'})


@router.post("/lfs-verify/{kind}/{ns}/{name}/{oid}")
async def verify(request: Request, kind: str, ns: str, name: str, oid: str) -> dict:
    repo, _ = _find(request, kind, f"{ns}/{name}")
    body = await request.json()
    if len(repo.lfs.get(oid, b"")) != body["size"]:
        raise HubResponseError(404, "Object not found")
    return {}


@router.post("/api/{kind}/{ns}/{name}/commit/{rev:path}")
async def commit(request: Request, kind: str, ns: str, name: str, rev: str) -> dict:
    repo, author = _find(request, kind, f"{ns}/{name}")
    lines = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
    if not lines or lines[0]["key"] != "header":
        raise HubResponseError(400, "The first line of a commit is its header")
    if rev not in repo.branches:
        raise HubResponseError(404, f"Invalid rev id: {rev}", code="RevisionNotFound")
    header = lines[0]["value"]
    with request.app.state.server.hub.lock:
        files = dict(repo.at(rev).files)
        for line in lines[1:]:
            _apply(files, repo, line["key"], line["value"])
        if "README.md" in files and (problems := card_problems(files["README.md"].content.decode(), repo.kind)):
            raise HubResponseError(400, "; ".join(problems))
        made = repo.commit(rev, files, header["summary"], author, header.get("parentCommit"))
    prefix = "" if repo.kind == "model" else f"{repo.kind}s/"
    url = f"{str(request.base_url).rstrip('/')}/{prefix}{repo.id}/commit/{made.oid}"
    return {"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""}


def _apply(files: dict[str, File], repo: Repo, key: str, value: dict) -> None:
    """One line of a commit, on a copy of the files: nobody sees it until the last one is done."""
    path = value["path"]
    if key == "file":
        files[path] = File(base64.b64decode(value["content"], validate=True))
    elif key == "lfsFile":
        if value["oid"] not in repo.lfs:
            raise HubResponseError(400, f"LFS pointer of {path} points to a file that does not exist")
        files[path] = File(repo.lfs[value["oid"]], lfs=True)
    elif key == "deletedFile":
        if files.pop(path, None) is None:
            raise HubResponseError(404, "A file with this name doesn't exist", code="EntryNotFound")
    elif key == "deletedFolder":
        for inside in [name for name in files if name.startswith(path.rstrip("/") + "/")]:
            del files[inside]
    else:
        raise HubResponseError(400, f"Unknown operation {key}")

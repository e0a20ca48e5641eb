"""The application: account, repositories, branches and tags. Files are in `files`, uploads in `uploads`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from .collections_api import router as collections_router
from .errors import HubResponseError, answer_error
from .faults import FaultMiddleware
from .files import router as files_router
from .store import TYPES, Repo
from .uploads import router as uploads_router
from .yaml_check import card_problems, front_matter

router = APIRouter()


def create_app(server: Any) -> FastAPI:
    """The application; `server.hub` is what it serves, and may be another one from request to request."""
    app = FastAPI(openapi_url=None)
    app.state.server = server
    app.add_exception_handler(HubResponseError, answer_error)
    for part in (collections_router, router, uploads_router, files_router):
        app.include_router(part)
    app.add_middleware(FaultMiddleware, server=server)
    return app


def find(request: Request, kind: str, repo_id: str, write: bool = False) -> Repo:
    """The repository, if the one who asks may see (or change) it. `kind` as in paths: models, datasets, spaces."""
    hub = request.app.state.server.hub
    return hub.repo(kind.removesuffix("s"), repo_id, hub.user(request.headers.get("authorization")), write)


@router.get("/api/whoami-v2")
def whoami(request: Request) -> dict:
    user = request.app.state.server.hub.user(request.headers.get("authorization"))
    if user is None:
        raise HubResponseError(401, "Invalid username or password.")
    role = "write" if user.can_write else "read"
    return {
        "type": "user",
        "name": user.name,
        "fullname": user.name,
        "orgs": [{"name": name, "roleInOrg": right} for name, right in user.organisations.items()],
        "auth": {"type": "access_token", "accessToken": {"displayName": "test", "role": role}},
    }


@router.post("/api/repos/create")
async def create(request: Request) -> dict:
    hub, body = request.app.state.server.hub, await request.json()
    user = hub.user(request.headers.get("authorization"))
    if user is None:
        raise HubResponseError(401, "Invalid username or password.")
    namespace, kind = body.get("organization") or user.name, body.get("type") or "model"
    if kind not in TYPES:
        raise HubResponseError(400, f"Invalid repo type {kind}")
    if not user.may_write(namespace):
        raise HubResponseError(403, f"You don't have the rights to create a {kind} under the namespace {namespace!r}")
    if kind == "space" and body.get("sdk") not in ("gradio", "docker", "static", "streamlit"):
        raise HubResponseError(400, "A Space needs an sdk")
    private = body.get("private") or body.get("visibility") == "private"
    repo = hub.create(kind, f"{namespace}/{body['name']}", user, private, body.get("sdk"))
    prefix = "" if kind == "model" else f"{kind}s/"
    return {"url": f"{str(request.base_url).rstrip('/')}/{prefix}{repo.id}", "name": repo.id, "id": repo.id}


@router.delete("/api/repos/delete")
async def delete(request: Request) -> PlainTextResponse:
    hub, body = request.app.state.server.hub, await request.json()
    kind, user = body.get("type") or "model", hub.user(request.headers.get("authorization"))
    namespace = body.get("organization") or (user.name if user else "")
    hub.repo(kind, f"{namespace}/{body['name']}", user, write=True)
    del hub.repos[kind, f"{namespace}/{body['name']}"]
    return PlainTextResponse("OK")


@router.post("/api/validate-yaml")
async def validate_yaml(request: Request) -> JSONResponse:
    body = await request.json()
    problems = card_problems(body["content"], body["repoType"])
    return JSONResponse({"errors": [{"message": p} for p in problems], "warnings": []}, 400 if problems else 200)


@router.get("/api/{kind}/{ns}/{name}")
@router.get("/api/{kind}/{ns}/{name}/revision/{rev:path}")
def info(request: Request, kind: str, ns: str, name: str, rev: str = "main") -> dict:
    repo = find(request, kind, f"{ns}/{name}")
    commit = repo.at(rev)
    card = front_matter(commit.files["README.md"].content.decode()) if "README.md" in commit.files else {}
    return {
        "_id": repo.id,
        "id": repo.id,
        "author": ns,
        "sha": commit.oid,
        "lastModified": commit.date,
        "createdAt": commit.date,
        "private": repo.private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": card.get("tags") or [],
        "cardData": card,
        "sdk": repo.sdk,
        "siblings": [{"rfilename": path, "size": len(file.content)} for path, file in sorted(commit.files.items())],
    }


@router.get("/api/{kind}/{ns}/{name}/refs")
def refs(request: Request, kind: str, ns: str, name: str) -> dict:
    repo = find(request, kind, f"{ns}/{name}")

    def listed(names: dict[str, str], folder: str) -> list[dict]:
        return [{"name": n, "ref": f"refs/{folder}/{n}", "targetCommit": oid} for n, oid in names.items()]

    return {"branches": listed(repo.branches, "heads"), "tags": listed(repo.tags, "tags"), "converts": []}


@router.get("/api/{kind}/{ns}/{name}/commits/{rev:path}")
def commits(request: Request, kind: str, ns: str, name: str, rev: str) -> list[dict]:
    repo = find(request, kind, f"{ns}/{name}")
    commit, listed = repo.at(rev), []
    while commit is not None:
        authors = [{"user": commit.author}]
        listed.append({"id": commit.oid, "title": commit.title, "message": "", "date": commit.date, "authors": authors})
        commit = repo.commits.get(commit.parent)
    return listed


@router.post("/api/{kind}/{ns}/{name}/branch/{branch:path}")
async def create_branch(request: Request, kind: str, ns: str, name: str, branch: str) -> dict:
    repo = find(request, kind, f"{ns}/{name}", write=True)
    if branch in repo.branches:
        raise HubResponseError(409, f"Reference already exists: {branch}")
    body = await request.body() and await request.json()
    repo.branches[branch] = repo.at((body or {}).get("startingPoint") or "main").oid
    return {}


@router.post("/api/{kind}/{ns}/{name}/tag/{rev:path}")
async def create_tag(request: Request, kind: str, ns: str, name: str, rev: str) -> dict:
    repo, body = find(request, kind, f"{ns}/{name}", write=True), await request.json()
    if body["tag"] in repo.tags:
        raise HubResponseError(409, f"Tag reference exists already: {body['tag']}")
    repo.tags[body["tag"]] = repo.at(rev).oid
    return {}


@router.put("/api/{kind}/{ns}/{name}/settings")
async def settings(request: Request, kind: str, ns: str, name: str) -> dict:
    repo, body = find(request, kind, f"{ns}/{name}", write=True), await request.json()
    if "private" in body or "visibility" in body:
        repo.private = bool(body.get("private")) or body.get("visibility") == "private"
    return {"private": repo.private}

"""Collections: named lists of repositories."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter, Request

from .errors import HubResponseError

router = APIRouter()


def _user(request: Request, namespace: str) -> None:
    user = request.app.state.server.hub.user(request.headers.get("authorization"))
    if user is None:
        raise HubResponseError(401, "Invalid username or password.")
    if not user.may_write(namespace):
        raise HubResponseError(403, f"You don't have the rights to write to {namespace}")


def _collection(request: Request, slug: str, write: bool = False) -> dict[str, Any]:
    hub = request.app.state.server.hub
    user = hub.user(request.headers.get("authorization"))
    found = hub.collections.get(slug)
    if found is None or (found["private"] and not (user and user.may_read(found["owner"]["name"]))):
        raise HubResponseError(404, "Collection not found")
    if write:
        _user(request, slug.split("/")[0])
    return found


def _shown(collection: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in collection.items() if key != "position"}


@router.get("/api/collections")
def listed(request: Request, owner: str = "") -> list[dict]:
    hub = request.app.state.server.hub
    user = hub.user(request.headers.get("authorization"))
    return [
        _shown(c)
        for c in hub.collections.values()
        if owner in ("", c["owner"]["name"]) and (not c["private"] or (user and user.may_read(c["owner"]["name"])))
    ]


@router.post("/api/collections")
async def create(request: Request) -> dict:
    hub, body = request.app.state.server.hub, await request.json()
    namespace, title = body["namespace"], body["title"]
    _user(request, namespace)
    name = "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
    slug = f"{namespace}/{name}-{hashlib.sha1(title.encode()).hexdigest()[:24]}"
    if slug in hub.collections:
        raise HubResponseError(409, "This collection exists already", slug=slug)
    hub.collections[slug] = {
        "slug": slug,
        "title": title,
        "description": body.get("description"),
        "owner": {"name": namespace},
        "items": [],
        "lastUpdated": "2026-01-01T00:00:00.000Z",
        "position": len(hub.collections),
        "private": bool(body.get("private")),
        "theme": "green",
        "upvotes": 0,
    }
    return hub.collections[slug]


@router.get("/api/collections/{ns}/{slug}")
def read(request: Request, ns: str, slug: str) -> dict:
    return _collection(request, f"{ns}/{slug}")


@router.patch("/api/collections/{ns}/{slug}")
async def update(request: Request, ns: str, slug: str) -> dict:
    collection, body = _collection(request, f"{ns}/{slug}", write=True), await request.json()
    collection.update({key: body[key] for key in ("title", "description", "private") if key in body})
    return {"success": True, "data": collection}


@router.post("/api/collections/{ns}/{slug}/items")
async def add(request: Request, ns: str, slug: str) -> dict:
    collection, body = _collection(request, f"{ns}/{slug}", write=True), await request.json()
    item = body["item"]
    hub = request.app.state.server.hub
    hub.repo(item["type"], item["id"], hub.user(request.headers.get("authorization")))
    if any(known["id"] == item["id"] and known["type"] == item["type"] for known in collection["items"]):
        raise HubResponseError(409, "The item is in the collection already")
    entry = {"_id": f"{len(collection['items']):024x}", "position": len(collection["items"]), **item}
    if body.get("note"):
        entry["note"] = {"text": body["note"], "html": body["note"]}
    collection["items"].append(entry)
    return collection


@router.patch("/api/collections/{ns}/{slug}/items/{item_id}")
async def change(request: Request, ns: str, slug: str, item_id: str) -> dict:
    collection, body = _collection(request, f"{ns}/{slug}", write=True), await request.json()
    for entry in collection["items"]:
        if entry["_id"] == item_id and body.get("note") is not None:
            entry["note"] = {"text": body["note"], "html": body["note"]}
    return {"success": True}

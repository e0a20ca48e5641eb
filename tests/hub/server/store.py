"""What the Hub holds: users, repositories with their commits, blobs, collections."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .errors import HubResponseError

TYPES = ("model", "dataset", "space")
_ATTRIBUTES = b"".join(
    f"*.{ending} filter=lfs diff=lfs merge=lfs -text\n".encode() for ending in ("safetensors", "parquet", "onnx", "gz", "bin")
)
_SPACE_CARD = """---
title: {name}
emoji: 🐢
colorFrom: pink
colorTo: red
sdk: {sdk}
sdk_version: 1.2.3
app_file: app.py
pinned: false
---

Check out the configuration reference at https://huggingface.co/docs/hub/spaces-config-reference
"""
_LFS_ENDINGS = (".safetensors", ".parquet", ".onnx", ".gz", ".bin", ".arrow", ".model", ".data")
_LFS_FROM = 1_000_000


@dataclass(frozen=True)
class User:
    """An account: `organisations` maps names to "write" or "read"; `can_write` False: a token that may only read."""

    name: str
    organisations: dict[str, str] = field(default_factory=dict)
    can_write: bool = True

    def may_read(self, namespace: str) -> bool:
        return namespace == self.name or namespace in self.organisations

    def may_write(self, namespace: str) -> bool:
        return self.can_write and (namespace == self.name or self.organisations.get(namespace) == "write")


@dataclass(frozen=True)
class File:
    """Content of a file, and whether it is stored by LFS."""

    content: bytes
    lfs: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git keeps: the content, or the pointer to it."""
        if not self.lfs:
            return self.content
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n".encode()

    @property
    def blob(self) -> str:
        """Git's hash of it."""
        return hashlib.sha1(b"blob %d\0" % len(self.pointer) + self.pointer).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.blob


@dataclass(frozen=True)
class Commit:
    """A complete state of a repository; it is made in one piece and never changed."""

    oid: str
    parent: str | None
    title: str
    author: str
    files: dict[str, File]
    date: str


@dataclass
class Repo:
    """A repository: commits by hash, branches and tags as names of commits, blobs of LFS by SHA-256."""

    kind: str
    id: str
    private: bool = False
    sdk: str | None = None
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, File], title: str, author: str, parent: str | None = None) -> Commit:
        """Add a commit and let the branch point at it: the one moment at which anything becomes visible."""
        head = self.branches.get(branch)
        if parent is not None and parent != head:
            raise HubResponseError(412, "A commit has happened since. Please refresh and try again.")
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        names = "".join(f"{path} {file.blob}\n" for path, file in sorted(files.items()))
        oid = hashlib.sha1(f"{head}\n{title}\n{date}\n{names}".encode()).hexdigest()
        made = Commit(oid, head, title, author, dict(files), date)
        self.commits[oid] = made
        self.branches[branch] = oid
        return made

    def at(self, revision: str) -> Commit:
        """The commit of a branch, tag, or (the beginning of) a hash."""
        revision = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        oid = self.branches.get(revision) or self.tags.get(revision)
        if oid is None and len(revision) >= 7:
            oid = next((full for full in self.commits if full.startswith(revision)), None)
        if oid is None:
            raise HubResponseError(404, f"Invalid rev id: {revision}", code="RevisionNotFound")
        return self.commits[oid]


class Hub:
    """Everything that the server knows; a test may look at it directly.

    Attributes:
        users: token -> User.
        repos: (kind, id) -> Repo.
        collections: slug -> collection as the API returns it.
        faults: what is to go wrong, see `Fault`.
        requests: (method, path) of every request, in order.
        received: bodies of all requests that send something.
    """

    def __init__(self, users: dict[str, User] | None = None) -> None:
        self.users = dict(users or {})
        self.repos: dict[tuple[str, str], Repo] = {}
        self.collections: dict[str, dict] = {}
        self.faults: list = []
        self.requests: list[tuple[str, str]] = []
        self.received: list[tuple[str, bytes]] = []
        self.lock = threading.RLock()

    def user(self, authorization: str | None) -> User | None:
        """Who asks; None: nobody. A token that is not known is an error, not nobody."""
        if not authorization:
            return None
        user = self.users.get(authorization.removeprefix("Bearer ").strip())
        if user is None:
            raise HubResponseError(
                401, "Invalid user token.", headers={"X-Error-Message": "Invalid credentials in Authorization header"}
            )
        return user

    def create(self, kind: str, repo_id: str, user: User, private: bool = False, sdk: str | None = None) -> Repo:
        """A new repository with the first commit, as the Hub makes it."""
        if (kind, repo_id) in self.repos:
            raise HubResponseError(409, f"You already created this {kind} repo: {repo_id}", url=f"/{repo_id}")
        repo = Repo(kind, repo_id, private, sdk)
        files = {".gitattributes": File(_ATTRIBUTES)}
        if kind == "space":  # the Hub's own card, with an emoji by chance
            files["README.md"] = File(_SPACE_CARD.format(name=repo_id.split("/")[-1], sdk=sdk).encode())
        repo.commit("main", files, "initial commit", user.name)
        self.repos[kind, repo_id] = repo
        return repo

    def repo(self, kind: str, repo_id: str, user: User | None, write: bool = False) -> Repo:
        """A repository that the user may see (or change); one that may not be seen is not there."""
        repo = self.repos.get((kind, repo_id))
        namespace = repo_id.split("/")[0]
        if repo is None or (repo.private and not (user and user.may_read(namespace))):
            raise HubResponseError(404 if user else 401, "Repository not found", code="RepoNotFound")
        if write:
            if user is None:
                raise HubResponseError(401, "Invalid username or password.")
            if not user.may_write(namespace):
                raise HubResponseError(403, f"You don't have the rights to write to {repo_id}")
        return repo


def is_large(path: str, size: int) -> bool:
    """Whether the Hub takes a file by LFS."""
    return path.endswith(_LFS_ENDINGS) or size >= _LFS_FROM

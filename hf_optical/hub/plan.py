"""What a push is made of: the repository as it stands, what is planned to be sent, and what was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from .errors import HubError
from .files import Outgoing


class Remote:
    """A repository as it stands before the push: `head` is the commit of the branch, `files` its paths."""

    def __init__(self, api: HfApi, repo: str, kind: str, revision: str) -> None:
        info = api.repo_info(repo, repo_type=kind, revision=revision)
        self.api, self.repo, self.kind = api, repo, kind
        self.head: str = info.sha
        self.private = bool(info.private)
        self.files = sorted(sibling.rfilename for sibling in info.siblings or [])

    def read(self, path: str) -> str | None:
        """Text of a file, None where there is none."""
        if path not in self.files:
            return None
        file = self.api.hf_hub_download(self.repo, path, repo_type=self.kind, revision=self.head)
        return Path(file).read_text(encoding="utf-8")

    def read_json(self, path: str) -> dict[str, Any]:
        """A JSON object, {} where there is no such file. Raises HubError for anything else."""
        text = self.read(path)
        try:
            content = {} if text is None else json.loads(text)
        except ValueError as error:
            raise HubError(f"{path} of {self.repo} is not valid JSON ({error}): mend or remove it there.") from None
        if not isinstance(content, dict):
            raise HubError(f"{path} of {self.repo} is no JSON object: mend or remove it there.")
        return content


@dataclass
class Plan:
    """What one push sends: files, paths to delete, the card among the files, a tag for the commit."""

    files: list[Outgoing]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    card: str = ""
    tag: str = ""
    folders: tuple[Path, ...] = ()


@dataclass
class Push:
    """What was pushed, or, with `dry_run`, would be.

    Attributes:
        repo, kind, private, revision: where.
        url: of the repository; "" for a dry run.
        commit: hash; "" for a dry run.
        files: path -> bytes. left_out: path -> why it stays here.
        card: the rendered README.md.
        tag: name of this content, to pin it.
        removed: files of an earlier push that went; unknown to a dry run.
    """

    repo: str
    kind: str
    private: bool
    revision: str
    files: dict[str, int]
    left_out: dict[str, str]
    card: str
    url: str = ""
    commit: str = ""
    tag: str = ""
    removed: list[str] = field(default_factory=list)
    dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON values; the card only of a dry run, which has no other place to see it."""
        content = {key: value for key, value in vars(self).items() if key != "card" or self.dry_run}
        return content | {"files": dict(self.files), "left_out": dict(self.left_out)}


def refuse_other_content(remote: Remote | None, own: str, found: str | None) -> None:
    """Raise HubError if the repository holds another kind of thing than what is to be pushed (None: nothing known)."""
    if remote is not None and found is not None and found != own:
        raise HubError(f"{remote.repo} holds a {found}, not a {own}: push to another name.")


def stale(remote: Remote | None, sent: Sequence[Outgoing], folder: str) -> list[str]:
    """Files of an earlier push in a folder that is wholly ours, and that are not sent now."""
    keep = {file.path for file in sent}
    return [] if remote is None else [path for path in remote.files if path.startswith(folder) and path not in keep]

"""An index in a dataset repository of the Hub: downloaded, compared with its checksums, and opened from the Hub's cache."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from .index_error import IndexFormatError
from .manifest import MANIFEST, Manifest
from .stored_segments import damages

PREFIX = "hf://"
_FORM = "hf://datasets/OWNER/NAME@REVISION, with /FOLDER behind it where the index is not at the top"


def is_on_hub(where: str | Path) -> bool:
    """Whether the place is on the Hub, not a folder here."""
    return str(where).startswith(PREFIX)


def hub_place(where: str) -> tuple[str, str | None, str]:
    """Repository, revision (None: its main branch) and folder of an index.

    Raises:
        ValueError: the text has another form.

    Example:
        >>> hub_place("hf://datasets/org/passages@v1/news")
        ('org/passages', 'v1', 'news')
    """
    kind, *parts = where.removeprefix(PREFIX).rstrip("/").split("/")
    name, at, revision = parts[1].partition("@") if len(parts) > 1 else ("", "", "")
    if kind != "datasets" or not all([parts[0] if parts else "", name, *parts[2:]]) or bool(at) != bool(revision):
        raise ValueError(f"index {where}: write {_FORM}.")
    return f"{parts[0]}/{name}", unquote(revision) or None, "/".join(parts[2:])


def fetch_index(where: str) -> Path:
    """Folder of the index in the Hub's cache. Every file is read and compared, each time; what is there is not fetched again.

    Raises:
        ValueError: the text has another form.
        IndexFormatError: (ValueError) it cannot be had from the Hub, or there is no index, or a file is not what its manifest says.
    """
    from huggingface_hub import snapshot_download

    repo, revision, folder = hub_place(where)
    inside = f"{folder}/" if folder else ""
    wanted = [f"{inside}{name}" for name in (MANIFEST, "segment-*/*", "deleted-*.bin")]
    try:
        root = Path(snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=wanted))
    except (OSError, ValueError) as error:
        reason = next((line for line in str(error).strip().splitlines() if line.strip()), type(error).__name__)
        raise IndexFormatError(
            f"index {where} is not to be had from the Hub ({reason.rstrip('.')}): check name and revision, log in if it is private."
        ) from None
    if not (root / folder / MANIFEST).is_file():
        raise IndexFormatError(f"index {where}: there is no {MANIFEST} of an index: check the name, and the folder behind it.")
    if found := list(damages(root / folder, Manifest.read(root / folder))):
        raise IndexFormatError(f"index {where}: {'; '.join(found[:3])}: push it again.")
    return root / folder

"""Folders of an index: their files are told from pickles by the checksums in the manifest."""

from __future__ import annotations

import json
from pathlib import Path

from ..search.index_error import IndexFormatError
from ..search.manifest import FORMAT, MANIFEST, FileEntry, Manifest
from .errors import HubError


def stored_index(folder: Path) -> tuple[set[str], bytes] | None:
    """What the manifest of an index names, and the manifest as it is sent: folders of models by their last part.

    Args:
        folder: that may hold an index.

    Returns:
        Paths of files in the folder, each read and found to be what the manifest says, and the manifest's bytes; None if the folder
        holds no index.

    Raises:
        HubError: the manifest is damaged or of a newer format, or a file is missing or damaged.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:  # web pages have a file of that name too
        return None
    try:
        manifest = Manifest.read(folder)
    except IndexFormatError as error:
        raise HubError(str(error)) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise HubError(f"{folder / MANIFEST} is damaged ({error}): restore it from a copy, or build the index again.") from None
    files = {f"{segment.name}/{name}": entry for segment in manifest.segments for name, entry in segment.files.items()}
    if manifest.deleted:
        files[manifest.deleted[0]] = manifest.deleted[1]
    for name, entry in files.items():
        if not (folder / name).is_file() or FileEntry.of(folder / name) != entry:
            what = "is damaged" if (folder / name).is_file() else "is missing"
            raise HubError(
                f"{folder / name} {what}, by the manifest of the index: restore it from a copy, or build the index again."
            )
    sent = manifest.without_paths()
    return set(files), (folder / MANIFEST).read_bytes() if sent == manifest else sent.to_bytes()

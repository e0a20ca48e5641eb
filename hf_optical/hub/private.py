"""Nothing private leaves this machine: tokens, keys, user and host names, absolute paths."""

from __future__ import annotations

import contextlib
import fnmatch
import getpass
import gzip
import json
import os
import re
import socket
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from .errors import HubError
from .files import Outgoing

_TOKENS = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}|\bapi_org_[A-Za-z0-9]{20,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bglpat-[\w-]{20,}|\bxox[abprs]-[\w-]{20,}|\bAIza[\w-]{35}|\bsk-[A-Za-z0-9_-]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_ROOTS = "home|Users|root|tmp|var|mnt|opt|scratch|workspace|work|content|kaggle|srv|media|private|gpfs|lustre|export"
# Roots of clusters, and words of addresses too: no path where something stands before them (`{base}/users/ada`, `](/data/x)`).
_SHARED_ROOTS = "data|users|nfs|net|storage|projects|Volumes"
_PATHS = re.compile(
    rf"(?<![\w./~\-])/(?:{_ROOTS})/[\w.\-]+"
    rf"|(?<![\w./~\-}})>\]*$%])(?<!\]\()/(?:{_SHARED_ROOTS})/[\w.\-]+"
    r"|(?i:\bfile:)/+[\w.\-~%]+"
    r"|(?<!\w)[A-Za-z]:\\+Users\\+[\w.\-]+"
)
# Where a Space keeps its files, on every machine of the Hub.
_OF_SPACES = re.compile(r"/data/")
_TOKEN_STARTS = (
    b"hf_",
    b"api_org_",
    *(b"gh%c_" % kind for kind in b"pousr"),
    b"github_pat_",
    b"AKIA",
    b"sk-",
    b"-----BEGIN ",
    b"glpat-",
    b"xox",
    b"AIza",
)
# Around a known path: not in the middle of another one.
_BEFORE, _BEHIND = r"(?<![\w.:])", r"(?![\w])/?"
_PIECE, _OVERLAP = 16_000_000, 512
# Words and sentences of people are no paths, whatever they look like; only what is known of this machine is looked for there.
_DATA = ("tokenizer.json", "vocab*", "merges.txt", "*.tsv", "*.csv", "*.jsonl", "*.trec", "sentencepiece*", "spm*")
_NOBODY = {"root", "user", "admin", "ubuntu", "runner", "nobody", "app", "worker", "debian", "jovyan", "localhost"}


def refuse_private(
    files: Iterable[Outgoing],
    *,
    token: str | None = None,
    namespace: str = "",
    folders: Sequence[Path] = (),
    kind: str = "model",
) -> None:
    """Raise HubError, with file and line, for the first file that would tell something private.

    Args:
        files: what is to be sent.
        token: the token in use, which must be nowhere.
        namespace: owner of the repository, whose name is public.
        folders: where the files come from; their absolute paths must be nowhere.
        kind: model, dataset or space; a Space may name `/data`, where the Hub keeps its files.
    """
    known = _known_here(token, namespace, folders)
    for file in files:
        for pattern, what in [(_TOKENS, "a token or key"), *known]:
            if pattern.search(file.path):
                raise HubError(
                    f"{pattern.sub('...', file.path)}: {what} is in the name of this file; rename it (nothing was sent)."
                )
        text = _text(file)
        if text is None:
            _search_bytes(file, known)
            continue
        data = any(fnmatch.fnmatch(PurePosixPath(file.path).name, pattern) for pattern in _DATA)
        patterns = [(_TOKENS, "a token or key"), *known] + ([] if data else [(_PATHS, "a path of a machine")])
        for pattern, what in patterns:
            places = (found for found in pattern.finditer(text) if not (kind == "space" and _OF_SPACES.match(found[0])))
            if found := next(places, None):
                line = text.count("\n", 0, found.start()) + 1
                raise HubError(f"{file.path}:{line}: {what} is in this line; take it out (nothing was sent).")


def _known_here(token: str | None, namespace: str, folders: Sequence[Path]) -> list[tuple[re.Pattern[str], str]]:
    """Patterns for what is known of this machine."""
    known = [(re.compile(re.escape(token)), "your token")] if token else []
    places = {
        Path.home(),
        Path(sys.prefix),
        *(folder.resolve() for folder in folders),
        *(Path(os.path.abspath(f)) for f in folders),
    }
    for place in sorted({str(place) for place in places if len(place.parts) > 1}):
        known.append((re.compile(_BEFORE + re.escape(place) + _BEHIND), "a path of this machine"))
    for name, what in ((_user(), "your user name"), (socket.gethostname(), "the name of this machine")):
        if len(name) >= 3 and name.lower() not in _NOBODY and name != namespace:
            word = re.escape(name)
            known.append((re.compile(rf"[/\\]{word}(?=[/\\\"'\s]|$)|\b{word}@|[\"']{word}[\"']", re.MULTILINE), what))
    return known


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in containers
        return ""


def _text(file: Outgoing) -> str | None:
    """Content of a text file, None for a binary one."""
    if file.path.endswith((".safetensors", ".parquet", ".onnx", ".model", ".gz", ".png", ".jpg", ".bin")):
        return None
    content = file.read()
    try:
        return None if b"\0" in content[:8192] else content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _search_bytes(file: Outgoing, known: Sequence[tuple[re.Pattern[str], str]]) -> None:
    """Weights are large: look for the fixed beginning of each pattern, which is fast, and match the pattern only there."""
    wanted = [(_fixed(p), re.compile(p.pattern.encode(), p.flags & re.MULTILINE), w) for p, w in known if "name" not in w]
    wanted += [(start, re.compile(_TOKENS.pattern.encode()), "a token or key") for start in _TOKEN_STARTS]
    kept, offset = b"", 0
    with contextlib.closing(_pieces(file)) as pieces:
        for piece in pieces:
            content = kept + piece
            for start, pattern, what in wanted:
                place = content.find(start)
                while place >= 0:
                    if pattern.match(content, place):
                        raise HubError(
                            f"{file.path}: byte {offset + place}: {what} is in this file; take it out (nothing was sent)."
                        )
                    place = content.find(start, place + 1)
            kept = content[-_OVERLAP:]
            offset += len(content) - len(kept)


def _pieces(file: Outgoing) -> Iterator[bytes]:
    """The bytes of a file, unpacked if it is of gzip."""
    try:
        with contextlib.ExitStack() as stack:
            opened = stack.enter_context(BytesIO(file.content) if isinstance(file.content, bytes) else file.content.open("rb"))
            packed = opened.read(2) == b"\x1f\x8b"
            opened.seek(0)
            if packed:
                opened = stack.enter_context(gzip.open(opened))
            while piece := opened.read(_PIECE):
                yield piece
    except (EOFError, OSError, zlib.error) as error:
        raise HubError(f"{file.path}: it cannot be read ({error}): make it again, or remove it.") from None


def _fixed(pattern: re.Pattern[str]) -> bytes:
    """The text that a pattern of `_known_here` is made of."""
    return re.sub(r"\\(.)", r"\1", pattern.pattern.removeprefix(_BEFORE).removesuffix(_BEHIND)).encode()


def without_folders(value: Any) -> Any:
    """JSON values in which every absolute path or `file:` address, alone or before `:line`, has become the name at its end.

    Example:
        >>> without_folders({"first": ["/home/ada/sw.tsv:7", "sw.tsv:9"], "teacher": "runs/teacher"})
        {'first': ['sw.tsv:7', 'sw.tsv:9'], 'teacher': 'runs/teacher'}
    """
    if isinstance(value, dict):
        return {without_folders(key): without_folders(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(item) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith(("~/", "../", "file:/")) or (len(value) > 1 and os.path.isabs(value)):
        return PurePosixPath(value).name
    return PureWindowsPath(value).name if re.match(r"[A-Za-z]:\\", value) else value


def cleaned_json(file: Outgoing) -> Outgoing:
    """A JSON file of ours as it is sent: without the folders of this machine; the file itself where there are none."""
    try:
        content = json.loads(file.read())
    except ValueError as error:
        raise HubError(f"{file.path}: not valid JSON ({error}): write it again.") from None
    cleaned = without_folders(content)
    if cleaned == content:
        return file
    return Outgoing(file.path, (json.dumps(cleaned, indent=1, ensure_ascii=False) + "\n").encode())

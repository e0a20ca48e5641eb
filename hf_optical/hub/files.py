"""Which files of a folder go to the Hub: all of them, but for what is private, passing or no part of the thing itself."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from pathlib import Path

from ..data.errors import did_you_mean
from ..search.manifest import MANIFEST
from .errors import HubError
from .index_files import stored_index

# (pattern of the name or of a folder on the way, why it stays here); the first that fits counts.
_LEFT_OUT = (
    (".env*", "settings of this machine"),
    ("checkpoint-*", "checkpoint of the training"),
    ("last-checkpoint", "checkpoint of the training"),
    ("optimizer.*", "state of the optimizer"),
    ("scheduler.*", "state of the schedule"),
    ("scaler.*", "state of the training"),
    ("rng_state*", "state of the training"),
    ("training_args.bin", "pickle; the arguments are in training.json"),
    ("trainer_state.json", "state of the training"),
    ("events.out.tfevents.*", "log of the training"),
    ("wandb", "log of the training"),
    ("mlruns", "log of the training"),
    ("*.log", "log"),
    ("*.npy", "cache of embeddings"),
    ("*.lock", "lock"),
    ("*.tmp", "left over"),
    ("__pycache__", "cache"),
    ("*.pyc", "cache"),
    ("complete", "mark of a checkpoint"),
    (".*", "hidden"),
)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_SECRETS = ("*.pem", "*.key", "id_rsa*", "id_ed25519*", "token", "token.txt", "credentials*", "stored_tokens")


@dataclass(frozen=True)
class Outgoing:
    """A file to send: its path in the repository, and where its bytes are (a file, or the bytes themselves)."""

    path: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def read(self) -> bytes:
        """All of its bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def existing_folder(path: str | os.PathLike[str], noun: str) -> Path:
    """The path, if it is a folder. Raises HubError otherwise, with near names."""
    folder = Path(path)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise HubError(f"{noun} {path} is a file: give the folder.")
    beside = [entry.name for entry in folder.parent.iterdir() if entry.is_dir()] if folder.parent.is_dir() else []
    raise HubError(f"{noun} {path}: there is no such folder; {did_you_mean(folder.name, beside) or 'check the path'}.")


def gather(folder: Path) -> tuple[list[Outgoing], list[tuple[str, str]]]:
    """Files of a folder by path, and those that stay here with the reason.

    Links to files are followed (the content is sent), links to folders are not. An index is sent with its files, which end like
    pickles, after each was compared with the checksum in the manifest.

    Raises:
        HubError: weights as a pickle, which run code when they are loaded; a file that holds a key or token by its name; a damaged
            index.
    """
    files, left_out = [], []
    stored: set[str] = set()
    for place, names, inside in os.walk(folder):
        here = Path(place)
        manifest = None
        if index := stored_index(here):
            named, manifest = index
            stored |= {(here / name).relative_to(folder).as_posix() for name in named}
        for name in sorted(names):
            path = (here / name).relative_to(folder).as_posix()
            reason = "link to a folder" if (here / name).is_symlink() else _reason(name)
            if reason:
                left_out.append((path + "/", reason))
        names[:] = sorted(name for name in names if not (_reason(name) or (here / name).is_symlink()))
        for name in sorted(inside):
            path = (here / name).relative_to(folder).as_posix()
            if any(fnmatch.fnmatch(name.lower(), pattern) for pattern in _SECRETS):
                raise HubError(f"{path} looks like a key or a token: move it out of {folder}.")
            if name != ".gitattributes" and (reason := _reason(name)):
                left_out.append((path, reason))
                continue
            if not (here / name).is_file():
                left_out.append((path, "link to nothing" if (here / name).is_symlink() else "no file"))
                continue
            if manifest is not None and name == MANIFEST:
                files.append(Outgoing(path, manifest))
                continue
            if path not in stored and _is_pickle(here / name):
                raise HubError(
                    f"{path} is a pickle, which can run code on the machine of whoever loads it: save the model as safetensors "
                    "(save_pretrained does), and remove this file."
                )
            files.append(Outgoing(path, here / name))
    if missing := sorted(stored - {file.path for file in files}):
        raise HubError(f"{missing[0]} is of an index, but is not sent: copy the index there, rather than a link to its folders.")
    return sorted(files, key=lambda file: file.path), sorted(left_out)


def _reason(name: str) -> str:
    return next((why for pattern, why in _LEFT_OUT if fnmatch.fnmatch(name, pattern)), "")


def _is_pickle(file: Path) -> bool:
    if file.suffix.lower() in _PICKLES:
        return True
    with file.open("rb") as opened:
        head = opened.read(512)
    # a pickle of protocol 2 and above, or a torch archive, under another name
    return (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")) or (
        head[:4] == b"PK\x03\x04" and b"data.pkl" in head
    )

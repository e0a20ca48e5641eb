"""Load teachers and students for a command, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from ..data.errors import did_you_mean
from ..data.hub import is_hub_name
from .loading_optical import read_json, without_progress_bars
from .modeling_student import OpticalStudentModel
from .modeling_teacher import OpticalTeacherModel


def load_teacher(path_or_repo: str, revision: str | None = None) -> OpticalTeacherModel:
    """A teacher of ours, or a ColBERT checkpoint of another library.

    Raises:
        ValueError: neither; or no such folder or repository.
    """
    config = _config(path_or_repo, revision, "teacher")
    kind = config.get("model_type")
    if kind == "optical_student":
        raise ValueError(f"{path_or_repo} is a student, not a teacher: give the folder of the English teacher.")
    folder = Path(path_or_repo)
    if folder.is_dir() and kind != "optical_teacher" and not _is_colbert(folder, config):
        raise ValueError(
            f"{path_or_repo} is a plain {kind} model, not a teacher: make one from it with `optical teach --encoder ...`."
        )
    with without_progress_bars():
        if kind == "optical_teacher":
            return OpticalTeacherModel.from_pretrained(path_or_repo, **_revision(revision)).eval()
        return OpticalTeacherModel.from_colbert(path_or_repo, revision=revision)


def load_student(path_or_repo: str, revision: str | None = None) -> OpticalStudentModel:
    """A student of ours. Raises ValueError if it is something else, or not there."""
    kind = _config(path_or_repo, revision, "student").get("model_type")
    if kind != "optical_student":
        what = {"optical_teacher": "a teacher", None: "no Hugging Face model"}.get(kind, f"a plain {kind} model")
        raise ValueError(f"{path_or_repo} is {what}, not a student: distil one with `optical distill`.")
    with without_progress_bars():
        return OpticalStudentModel.from_pretrained(path_or_repo, **_revision(revision)).eval()


def load_model(path_or_repo: str) -> OpticalStudentModel | OpticalTeacherModel:
    """A student or a teacher, whichever it is. Raises ValueError if it is neither, or not there."""
    config, folder = _config(path_or_repo, None, "model"), Path(path_or_repo)
    kind = config.get("model_type")
    if folder.is_dir() and kind not in ("optical_student", "optical_teacher") and not _is_colbert(folder, config):
        raise ValueError(
            f"{path_or_repo} is a plain {kind} model, not a teacher or a student: `optical teach` and `optical distill` make these."
        )
    return load_student(path_or_repo) if kind == "optical_student" else load_teacher(path_or_repo)


def check_encoder(path_or_repo: str) -> None:
    """Raise ValueError if there is no such encoder, or it is a teacher or student."""
    kind = _config(path_or_repo, None, "encoder").get("model_type") or ""
    if kind.startswith("optical_"):
        raise ValueError(f"encoder {path_or_repo} is a {kind.removeprefix('optical_')} already: give a plain encoder.")


def _is_colbert(folder: Path, config: dict[str, Any]) -> bool:
    return (folder / "modules.json").is_file() or "HF_ColBERT" in (config.get("architectures") or [])


def _revision(revision: str | None) -> dict[str, str]:
    return {"revision": revision} if revision else {}


def _config(path_or_repo: str, revision: str | None, noun: str) -> dict[str, Any]:
    """The content of config.json, {} where there is none but other files of a model are."""
    folder = Path(path_or_repo)
    if folder.exists():
        if not folder.is_dir():
            raise ValueError(f"{noun} {path_or_repo} is a file: give the folder of the model.")
        if (folder / "config.json").is_file():
            return read_json(folder / "config.json")
        if (folder / "modules.json").is_file():
            return {}
        unfinished = any(folder.glob("checkpoint-*"))
        fix = "its training has not finished: finish it with --resume" if unfinished else "there is no config.json in it"
        raise ValueError(f"{noun} {path_or_repo} holds no model: {fix}.")
    if not is_hub_name(path_or_repo):
        beside = [entry.name for entry in folder.parent.iterdir() if entry.is_dir()] if folder.parent.is_dir() else []
        raise ValueError(f"{noun} {path_or_repo}: there is no such folder; {did_you_mean(folder.name, beside) or 'check the path'}")
    try:
        return read_json(Path(hf_hub_download(path_or_repo, "config.json", revision=revision)))
    except LocalEntryNotFoundError:
        reason = "it is not in the local cache of the Hub, and the Hub cannot be reached"
    except EntryNotFoundError:
        return {}
    except OSError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = f"it is not to be had from the Hub ({lines[0]})"
    raise ValueError(f"{noun} {path_or_repo}: there is no such folder here, and {reason}.")

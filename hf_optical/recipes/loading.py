"""Load teachers and students for a command, with errors that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError

from ..models import OpticalStudentModel, OpticalTeacherModel


def load_teacher(path_or_repo: str, revision: str | None = None) -> OpticalTeacherModel:
    """A teacher of ours, or a ColBERT checkpoint of another library.

    Raises:
        ValueError: neither; or no such folder or repository.
    """
    kind = _model_type(path_or_repo, revision, "teacher")
    if kind == "optical_teacher":
        return OpticalTeacherModel.from_pretrained(path_or_repo, **_revision(revision)).eval()
    if kind == "optical_student":
        raise ValueError(f"{path_or_repo} is a student, not a teacher: give the folder of the English teacher.")
    return OpticalTeacherModel.from_colbert(path_or_repo, revision=revision)


def load_student(path_or_repo: str, revision: str | None = None) -> OpticalStudentModel:
    """A student of ours. Raises ValueError if it is something else, or not there."""
    kind = _model_type(path_or_repo, revision, "student")
    if kind != "optical_student":
        raise ValueError(f"{path_or_repo} is no student (its model_type is {kind}): distil one with `optical distill`.")
    return OpticalStudentModel.from_pretrained(path_or_repo, **_revision(revision)).eval()


def _revision(revision: str | None) -> dict[str, str]:
    return {"revision": revision} if revision else {}


def _model_type(path_or_repo: str, revision: str | None, noun: str) -> str | None:
    """`model_type` of the configuration, None where there is none but other files of a model are."""
    folder = Path(path_or_repo)
    try:
        if folder.exists():
            config_file = folder / "config.json"
        else:
            config_file = Path(hf_hub_download(path_or_repo, "config.json", revision=revision))
        return json.loads(config_file.read_text(encoding="utf-8")).get("model_type")
    except EntryNotFoundError:
        return None
    except FileNotFoundError:
        if (folder / "modules.json").is_file():
            return None
        raise ValueError(f"{noun} {path_or_repo} holds no model: there is no config.json in it.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path_or_repo}/config.json: line {error.lineno}: {error.msg}.") from None
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{noun} {path_or_repo}: no such folder, and not to be had from the Hub ({_first_line(error)})."
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

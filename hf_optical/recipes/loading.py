"""Load teachers and students for a command, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError

from ..models import OpticalStudentModel, OpticalTeacherModel
from ..models.loading_optical import read_json


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
        what = {"optical_teacher": "a teacher", None: "no Hugging Face model"}.get(kind, f"a plain {kind} model")
        raise ValueError(f"{path_or_repo} is {what}, not a student: distil one with `optical distill`.")
    return OpticalStudentModel.from_pretrained(path_or_repo, **_revision(revision)).eval()


def _revision(revision: str | None) -> dict[str, str]:
    return {"revision": revision} if revision else {}


def _model_type(path_or_repo: str, revision: str | None, noun: str) -> Any:
    """`model_type` of the configuration, None where there is none but other files of a model are."""
    folder = Path(path_or_repo)
    if folder.exists():
        if not folder.is_dir():
            raise ValueError(f"{noun} {path_or_repo} is a file: give the folder of the model.")
        if (folder / "config.json").is_file():
            return read_json(folder / "config.json").get("model_type")
        if (folder / "modules.json").is_file():
            return None
        unfinished = any(folder.glob("checkpoint-*"))
        fix = "its training has not finished: finish it with --resume" if unfinished else "there is no config.json in it"
        raise ValueError(f"{noun} {path_or_repo} holds no model: {fix}.")
    try:
        return read_json(Path(hf_hub_download(path_or_repo, "config.json", revision=revision))).get("model_type")
    except LocalEntryNotFoundError:
        reason = "not in the local cache of the Hub, and the Hub cannot be reached"
    except EntryNotFoundError:
        return None
    except HFValidationError:
        reason = "not a name on the Hub"
    except OSError as error:
        reason = f"not to be had from the Hub: {str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}"
    raise ValueError(f"{noun} {path_or_repo}: there is no such folder, and it is {reason}.")

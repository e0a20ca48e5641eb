"""Push students and teachers: everything that lies beside the weights, a card, and a name for this very content."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import HfApi, constants, get_token

from .errors import HubError
from .files import Outgoing, existing_folder, gather
from .licences import check_mix, grouped, licence_of, whole
from .model_card import REPORT, ModelFacts, bitext_counts, chosen_results, model_card, teacher_of
from .plan import Plan, Push, Remote, refuse_other_content, stale
from .private import cleaned_json
from .result_files import FOLDER
from .sections import choose_card
from .training_record import FILE as TRAINING
from .training_text import other_data, read_json
from .uploading import again, push

logger = logging.getLogger(__name__)

CARD, FACTS = "README.md", "optical.json"
# Written by our own commands, which may name files by their paths.
_REPORTS = (REPORT, TRAINING, "train_metrics.json", "training_data.json")


def push_student(
    folder: str | Path,
    repo: str,
    *,
    teacher: str | None = None,
    licences: Mapping[str, str] | None = None,
    allow_mixed_licences: bool = False,
    private: bool = False,
    revision: str | None = None,
    dry_run: bool = False,
    token: str | None = None,
) -> Push:
    """Push a student: its folder as it is, its results and training record, and a card made from them.

    Args:
        folder: as `optical distill` saved it.
        repo: `owner/name`.
        teacher: repository of its teacher, which must have the fingerprint that the student remembers; recorded in the
            config.json that is sent, with the commit.
        licences: source (or pattern) -> licence of its training data.
        allow_mixed_licences: the data's licences forbid to be mixed, and it is meant so.
        private, revision, dry_run, token: see `uploading.push`.

    Raises:
        HubError, ValueError: see `uploading.push`; no student is there; weights as a pickle.
    """
    return _push("student", folder, repo, teacher, licences, allow_mixed_licences, private, revision, dry_run, token)


def push_teacher(
    folder: str | Path,
    repo: str,
    *,
    licences: Mapping[str, str] | None = None,
    allow_mixed_licences: bool = False,
    private: bool = False,
    revision: str | None = None,
    dry_run: bool = False,
    token: str | None = None,
) -> Push:
    """Push a teacher, as `push_student` pushes a student."""
    return _push("teacher", folder, repo, None, licences, allow_mixed_licences, private, revision, dry_run, token)


def _push(
    kind: str,
    folder: str | Path,
    repo: str,
    teacher: str | None,
    licences: Mapping[str, str] | None,
    allow_mixed: bool,
    private: bool,
    revision: str | None,
    dry_run: bool,
    token: str | None,
) -> Push:
    place = existing_folder(folder, kind)
    builder = ModelPush(place, repo, kind, dict(licences or {}), allow_mixed)
    if teacher:
        asked = None if dry_run else token or get_token()
        builder.teacher, builder.teacher_licence, hidden = _teacher_entry(teacher, builder.facts.config, asked)
        if hidden and not private:
            logger.warning("teacher %s is private: who can see %s, but not its teacher, cannot search with it", teacher, repo)
    message = f"Upload {kind} {builder.facts.fingerprint}"
    return push(builder, repo, "model", private=private, revision=revision, dry_run=dry_run, token=token, message=message)


@dataclass
class ModelPush:
    """Plans the push of a model folder; what takes time is done once."""

    folder: Path
    repo: str
    kind: str
    licences: dict[str, str] = field(default_factory=dict)
    allow_mixed: bool = False
    teacher: dict[str, Any] | None = None
    teacher_licence: str = ""
    facts: ModelFacts | None = None

    def __post_init__(self) -> None:
        self.sent, self.left_out = gather(self.folder)  # pickles are refused before anything is loaded
        self.facts = self.facts or read_facts(self.folder, self.kind, self.licences)
        self._leave_out_results()

    def _leave_out_results(self) -> None:
        """Results that cannot be tied to these weights stay here, with the rankings beside them, and are counted."""
        chosen = chosen_results(self.folder, self.facts)
        self._rename({result.local: result.file for result in chosen.shown if result.local != result.file})
        why = chosen.left_out
        if not why:
            return
        why_here = why | {str(_trec(path)): reason for path, reason in why.items()}
        gone = [file.path for file in self.sent if file.path in why_here]
        self.sent = [file for file in self.sent if file.path not in why_here]
        self.left_out = sorted([*self.left_out, *((path, why_here[path]) for path in gone)])
        some = "; ".join(f"{path}: {reason}" for path, reason in list(why.items())[:3]) + ("; ..." if len(why) > 3 else "")
        logger.warning(
            "%d result file%s cannot be tied to these weights (fingerprint %s), and stay%s here (%s): evaluate this model again",
            *(len(why), "" if len(why) == 1 else "s", self.facts.fingerprint, "s" if len(why) == 1 else "", some),
        )

    def _rename(self, names: Mapping[str, str]) -> None:
        """Send files under other names, with the rankings beside them. Raises HubError where one is taken."""
        names = dict(names) | {str(_trec(old)): str(_trec(new)) for old, new in names.items()}
        self.sent = [Outgoing(names.get(file.path, file.path), file.content) for file in self.sent]
        paths = [file.path for file in self.sent]
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            old = next(old for old, new in names.items() if new == twice)
            raise HubError(f"{old} would be sent as {twice}, and there is another file of that name: keep one of them.")

    def __call__(self, remote: Remote | None) -> Plan:
        if remote is not None:
            refuse_other_content(remote, self.kind, _held(remote))
        self._check_licences()
        config = self._config()
        known = self.facts.fingerprint, self.facts.parameters, self.licences, self.teacher_licence
        facts = ModelFacts(self.kind, config, *known)
        files = self._files(config, facts)
        tag = content_name(files)
        repo = self.repo if remote is None else remote.repo
        rendered = model_card(self.folder, repo, facts, revision=tag, paths=[file.path for file in files])
        local = self.folder / CARD
        was = remote.read_json(FACTS).get("fingerprint", facts.fingerprint) if remote else facts.fingerprint
        card = choose_card(
            local.read_text(encoding="utf-8") if local.is_file() else None,
            remote.read(CARD) if remote else None,
            rendered,
            other_weights=was != facts.fingerprint,
        )
        files = sorted([*files, Outgoing(CARD, card.encode())], key=lambda file: file.path)
        gone = [*stale(remote, files, f"{FOLDER}/"), *_stale(remote, files, self.facts.fingerprint)]
        return Plan(files, self.left_out, gone, card, tag, (self.folder,))

    def _files(self, config: Mapping[str, Any], facts: ModelFacts) -> list[Outgoing]:
        known = {
            "kind": self.kind,
            "fingerprint": facts.fingerprint,
            "parameters": facts.parameters,
            "licences": dict(sorted(facts.licences.items())),
            "teacher_licence": facts.teacher_licence,
            "pairs": bitext_counts(self.folder) | {"by_source": grouped(self._counts(), facts.licences)},
        }
        files = [Outgoing(FACTS, _json(known)), Outgoing("config.json", _json(config, indent=2))]
        for file in self.sent:
            if file.path in (CARD, FACTS, "config.json"):
                continue
            written = file.path in _REPORTS or (file.path.startswith(f"{FOLDER}/") and file.path.endswith(".json"))
            files.append(cleaned_json(file) if written else file)
        return sorted(files, key=lambda file: file.path)

    def _config(self) -> dict[str, Any]:
        return dict(self.facts.config) | ({"teacher": self.teacher} if self.teacher else {})

    def _check_licences(self) -> None:
        found = {source: licence_of(source, self.licences) for source in self._counts() or self.licences}
        others = other_data(read_json(self.folder / TRAINING), self.licences)
        found |= {other["name"]: other["licence"] for other in others}
        found |= {"the teacher": self.teacher_licence}
        check_mix({source: licence for source, licence in found.items() if licence}, allow=self.allow_mixed)

    def _counts(self) -> dict[str, int]:
        return bitext_counts(self.folder).get("by_source", {})


def _trec(path: str) -> PurePosixPath:
    """The ranking beside a result."""
    return PurePosixPath(path).with_suffix(".trec")


def read_facts(folder: Path, kind: str, licences: Mapping[str, str] | None = None) -> ModelFacts:
    """Load the model, which shows that it can be loaded, and say what is known of it. Raises ValueError if it cannot."""
    from ..models import OpticalStudentModel, OpticalTeacherModel

    if not (folder / "config.json").is_file():
        raise HubError(f"{folder} has no config.json: it holds no {kind} of ours, or one whose training has not finished.")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != f"optical_{kind}":
        what = str(config.get("model_type") or "of another library").removeprefix("optical_")
        raise HubError(f"{folder} is no {kind} of ours, but {what} (a ColBERT of another library: from_colbert, save_pretrained).")
    model = {"student": OpticalStudentModel, "teacher": OpticalTeacherModel}[kind].from_pretrained(str(folder))
    return ModelFacts(kind, config, model.fingerprint(), sum(p.numel() for p in model.parameters()), dict(licences or {}))


def content_name(files: Sequence[Outgoing]) -> str:
    """A tag for the content of all files but the card: the same bytes have the same name, and other bytes another."""
    digest = hashlib.sha256()
    for file in files:
        if file.path != CARD:
            digest.update(f"{file.path}\0{hashlib.sha256(file.read()).hexdigest()}\n".encode())
    return f"content-{digest.hexdigest()[:12]}"


def _held(remote: Remote) -> str | None:
    """What a repository holds: student, teacher, another model; None: nothing yet."""
    text = remote.read("config.json")
    if text is None:
        return None
    try:
        model_type = str(json.loads(text).get("model_type"))
    except (ValueError, AttributeError):
        return "model that cannot be read"
    return model_type.removeprefix("optical_") if model_type.startswith("optical_") else f"{model_type} model"


def _stale(remote: Remote | None, files: Sequence[Outgoing], fingerprint: str) -> list[str]:
    """What an earlier push left that is not sent now and would be wrong: shards beside a model that is now in one piece, and, if
    the weights are others now, what was exported from, or recorded of, the former ones.
    """
    if remote is None:
        return []
    sent = {file.path for file in files}
    there = [path for path in remote.files if path not in sent]
    gone = [path for path in there if "/" not in path and path.startswith("model") and "safetensors" in path]
    if remote.read_json(FACTS).get("fingerprint") != fingerprint:
        gone += [path for path in there if path in _REPORTS or path.startswith(("onnx/", "1_Dense/"))]
    return gone


def _teacher_entry(repo: str, config: Mapping[str, Any], token: str | None) -> tuple[dict[str, Any], str, bool]:
    """The `teacher` of config.json for a repository, whose fingerprint is compared, its licence, and whether it is private; a dry
    run asks nothing.
    """
    own = teacher_of(config)["fingerprint"]
    if token is None:
        return {"name_or_path": repo, "revision": "its commit at the time of the push", "fingerprint": own}, "", False
    api = HfApi(token=token)

    def look() -> tuple[str, bool, dict[str, Any]]:
        info = api.repo_info(repo, repo_type="model")
        head = info.sha
        if not api.file_exists(repo, FACTS, revision=head):
            raise HubError(
                f"teacher {repo} was not pushed by `optical push teacher`, so its weights cannot be told: push it first."
            )
        file = api.hf_hub_download(repo, FACTS, revision=head)
        return head, bool(info.private), json.loads(Path(file).read_text(encoding="utf-8"))

    head, hidden, facts = again(look, repo, "model", "")
    fingerprint = facts.get("fingerprint")
    if fingerprint != own:
        raise HubError(
            f"teacher {repo} at {constants.ENDPOINT} has the fingerprint {fingerprint}, but this student was distilled from {own}: "
            "name its own teacher."
        )
    licence, name = whole((facts.get("licences") or {}).values())
    return {"name_or_path": repo, "revision": head, "fingerprint": own}, "" if licence == "unknown" else name or licence, hidden


def _json(content: Any, indent: int = 1) -> bytes:
    return (json.dumps(content, indent=indent, ensure_ascii=False) + "\n").encode()

"""Push students and teachers: everything that lies beside the weights, a card, and a name for this very content."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import get_token

from .errors import HubError
from .files import Outgoing, existing_folder, gather
from .licence_terms import check_mix
from .licences import grouped
from .model_card import ModelFacts, chosen_results, model_card
from .model_licence import ModelLicence, bitext_counts
from .plan import Plan, Push, Remote, refuse_other_content, stale
from .private import cleaned_json
from .remote_model import FACTS, REPORTS, held, stale_parts, teacher_entry
from .result_files import FOLDER
from .sections import card_record, choose_card
from .uploading import push

logger = logging.getLogger(__name__)

CARD = "README.md"


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
        builder.teacher, builder.teacher_licence, hidden = teacher_entry(teacher, builder.facts.config, asked)
        if hidden and not private:
            logger.warning("teacher %s is private: who can see %s, but not its teacher, cannot search with it", teacher, repo)
        if dry_run:
            logger.warning(
                "a dry run asks nothing: the licence of teacher %s is read, and counts in that of %s, when it is pushed",
                *(teacher, repo),
            )
    facts = builder.known()
    if builder.licences and not (teacher and dry_run) and (missing := facts.licence(place).missing):
        named = facts.teacher_names and any(part.startswith("the teacher") for part in missing)
        logger.warning(
            "the licence of %s stays unknown, since none is known for %s: add --licence NAME=LICENCE for each%s",
            *(repo, ", ".join(missing), f", of the teacher {facts.teacher_names[0]}=LICENCE" if named else ""),
        )
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
    teacher_licence: ModelLicence | None = None
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
            refuse_other_content(remote, self.kind, held(remote))
        facts = self.known()
        check_mix(facts.licence(self.folder).parts, allow=self.allow_mixed)
        files, rendered, tag = self.rendered(facts, self.repo if remote is None else remote.repo)
        local = self.folder / CARD
        before = remote.read_json(FACTS) if remote else {}
        card = choose_card(
            local.read_text(encoding="utf-8") if local.is_file() else None,
            remote.read(CARD) if remote else None,
            rendered,
            record=before["card"] if isinstance(before.get("card"), dict) else None,
            other_weights=before.get("fingerprint", facts.fingerprint) != facts.fingerprint,
        )
        files = sorted([*files, Outgoing(CARD, card.encode())], key=lambda file: file.path)
        gone = [*stale(remote, files, f"{FOLDER}/"), *stale_parts(remote, files, self.facts.fingerprint)]
        return Plan(files, self.left_out, gone, card, tag, (self.folder,))

    def known(self) -> ModelFacts:
        """What is known of the model as it is sent."""
        config = dict(self.facts.config) | ({"teacher": self.teacher} if self.teacher else {})
        return replace(self.facts, config=config, licences=self.licences, teacher_licence=self.teacher_licence)

    def rendered(self, facts: ModelFacts, repo: str) -> tuple[list[Outgoing], str, str]:
        """The files but for the card, the card as it is generated, and the tag of this content, which pins it in the card."""
        paths = [file.path for file in self._files(facts, {})]
        metadata = card_record(model_card(self.folder, repo, facts, revision="", paths=paths))
        files = self._files(facts, metadata)
        tag = content_name(files)
        return files, model_card(self.folder, repo, facts, revision=tag, paths=paths), tag

    def _files(self, facts: ModelFacts, metadata: Mapping[str, Any]) -> list[Outgoing]:
        known = {
            "kind": self.kind,
            "fingerprint": facts.fingerprint,
            "parameters": facts.parameters,
            "licences": dict(sorted(facts.licences.items())),
            "licence": facts.licence(self.folder).to_dict(),
            "card": metadata,
            "pairs": bitext_counts(self.folder) | {"by_source": grouped(self._counts(), facts.licences)},
        }
        files = [Outgoing(FACTS, _json(known)), Outgoing("config.json", _json(facts.config, indent=2))]
        for file in self.sent:
            if file.path in (CARD, FACTS, "config.json"):
                continue
            written = file.path in REPORTS or (file.path.startswith(f"{FOLDER}/") and file.path.endswith(".json"))
            files.append(cleaned_json(file) if written else file)
        return sorted(files, key=lambda file: file.path)

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


def _json(content: Any, indent: int = 1) -> bytes:
    return (json.dumps(content, indent=indent, ensure_ascii=False) + "\n").encode()

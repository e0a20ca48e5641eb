"""What the repository of a model holds: what a push replaces, and what a student is told of its teacher."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants

from .errors import HubError
from .files import Outgoing
from .model_card import teacher_of
from .model_licence import REPORT, ModelLicence
from .plan import Remote
from .training_record import FILE as TRAINING
from .uploading import again

FACTS = "optical.json"
# Written by our own commands, which may name files by their paths.
REPORTS = (REPORT, TRAINING, "train_metrics.json", "training_data.json")


def held(remote: Remote) -> str | None:
    """What a repository holds: student, teacher, another model; None: nothing yet."""
    text = remote.read("config.json")
    if text is None:
        return None
    try:
        model_type = str(json.loads(text).get("model_type"))
    except (ValueError, AttributeError):
        return "model that cannot be read"
    return model_type.removeprefix("optical_") if model_type.startswith("optical_") else f"{model_type} model"


def stale_parts(remote: Remote | None, files: Sequence[Outgoing], fingerprint: str) -> list[str]:
    """What an earlier push left that is not sent now and would be wrong: shards beside a model that is now in one piece, and, if
    the weights are others now, what was exported from, or recorded of, the former ones.
    """
    if remote is None:
        return []
    sent = {file.path for file in files}
    there = [path for path in remote.files if path not in sent]
    gone = [path for path in there if "/" not in path and path.startswith("model") and "safetensors" in path]
    if remote.read_json(FACTS).get("fingerprint") != fingerprint:
        gone += [path for path in there if path in REPORTS or path.startswith(("onnx/", "1_Dense/"))]
    return gone


def teacher_entry(repo: str, config: Mapping[str, Any], token: str | None) -> tuple[dict[str, Any], ModelLicence | None, bool]:
    """The `teacher` of config.json for a repository, whose fingerprint is compared, its licence, and whether it is private; a dry
    run asks nothing.
    """
    own = teacher_of(config)["fingerprint"]
    if token is None:
        return {"name_or_path": repo, "revision": "its commit at the time of the push", "fingerprint": own}, None, False
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
    return {"name_or_path": repo, "revision": head, "fingerprint": own}, ModelLicence.of_repository(facts), hidden

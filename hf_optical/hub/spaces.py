"""Push Spaces: the metric, which `evaluate.load` reads from there, and apps such as the demo."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from huggingface_hub import constants

from ..data.errors import did_you_mean
from .errors import HubError
from .files import Outgoing, existing_folder, gather
from .models import FACTS as _FACTS
from .models import content_name
from .plan import Plan, Push, Remote
from .sections import split_card
from .space_card import card_record, merge_space_card, pinned
from .uploading import push
from .wheel import check_wheel, with_wheel

_CARD = "README.md"
# Stands for the owner in the card of a metric.
_OWNER = "ACCOUNT"
# What runs where `app_file` does not say.
_APP = {"static": "index.html"}


def push_metric(
    folder: str | Path,
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    dry_run: bool = False,
    token: str | None = None,
) -> Push:
    """Push a metric's Space, which `evaluate.load("owner/name")` then loads.

    Args:
        folder: script `NAME.py`, `app.py`, `README.md`, `requirements.txt`; links to files become the files. In the card the owner
            takes the place of `ACCOUNT`, and `evaluate.load`, which runs the script, is pinned to a tag of this content.
        repo: `owner/NAME`: the library looks for the script by the name of the repository.
        private, revision, dry_run, token: see `uploading.push`.

    The card: what people changed on the Hub stays (title, emoji, hardware, sections), what was changed in the folder is sent, and
    the keys that the files need, the tags and the pins are ours; `space_card` has the whole rule. Files of an earlier push that are
    in the folder no more go; what people added stays.

    Raises:
        HubError: see `uploading.push`; a file is missing; the repository's name is not the script's; the same part of the card was
            edited here and on the Hub, in different ways.
    """
    place = existing_folder(folder, "metric")
    name = repo.split("/")[-1]
    if not (place / f"{name}.py").is_file():
        scripts = [file.stem for file in place.glob("*.py") if "evaluate.Metric" in file.read_text(encoding="utf-8")]
        fix = f"name the repository {scripts[0]!r}" if scripts else "is it the folder of a metric?"
        raise HubError(f"metric {folder} has no {name}.py, which evaluate.load would look for: {fix}.")
    return _push(place, repo, private, revision, dry_run, token, message=f"Upload metric {name}", kind="metric", pinned_to_tag=True)


def push_space(
    folder: str | Path,
    repo: str,
    *,
    wheel: str | Path | None = None,
    private: bool = False,
    revision: str | None = None,
    dry_run: bool = False,
    token: str | None = None,
) -> Push:
    """Push a Space, such as the demo: its folder as it is. What is not said here is as of `push_metric`.

    Args:
        wheel: of this package, which the Space installs instead of a published version: sent too, and named in requirements.txt.

    Raises:
        HubError: also where the wheel could not be installed: the Space is private, or requirements.txt has no line for it.
    """
    place = existing_folder(folder, "space")
    sent_wheel = check_wheel(wheel) if wheel else None
    return _push(place, repo, private, revision, dry_run, token, message="Upload Space", wheel=sent_wheel)


def _push(
    folder: Path,
    repo: str,
    private: bool,
    revision: str | None,
    dry_run: bool,
    token: str | None,
    *,
    message: str,
    kind: str = "space",
    pinned_to_tag: bool = False,
    wheel: Path | None = None,
) -> Push:
    gathered, left_out = gather(folder)
    gathered = [file for file in gathered if file.path != _FACTS]  # of a copy that was downloaded
    readme = folder / _CARD
    if not readme.is_file():
        raise HubError(f"{folder} has no README.md, whose metadata make it a Space: write one with title, sdk and app_file.")
    text = readme.read_text(encoding="utf-8")
    data, _ = split_card(text, str(readme.name))
    for key in ("title", "sdk"):
        if key not in data:
            raise HubError(
                f"{readme.name}:1: the metadata has no {key!r}, which a Space needs; {did_you_mean(key, data) or 'add it'}."
            )
    app = "Dockerfile" if data["sdk"] == "docker" else str(data.get("app_file") or _APP.get(data["sdk"], "app.py"))
    if PurePosixPath(app).as_posix() not in {file.path for file in gathered}:
        what = app if data["sdk"] == "docker" else f"app_file {app}"
        raise HubError(f"{readme.name}: {what} is not in {folder}: add it, or correct the metadata.")
    tag = content_name(gathered) if pinned_to_tag else ""

    def build(remote: Remote | None) -> Plan:
        name = repo if remote is None else remote.repo
        sent = gathered
        if wheel:
            hidden = private if remote is None else remote.private
            sent = with_wheel(gathered, wheel, name, revision or constants.DEFAULT_REVISION, private=hidden)
        _refuse_another(remote, {file.path for file in sent})
        own = text.replace(f"{_OWNER}/", f"{name.split('/')[0]}/") if "/" in name else text
        metric = name if pinned_to_tag and "/" in name else ""
        own = pinned(own, metric, "") if metric else own
        known = remote.read_json(_FACTS) if remote is not None else {}
        card = merge_space_card(own, remote.read(_CARD) if remote else None, known.get("card"), metric=metric)
        if metric:
            card = pinned(card, metric, tag)
        facts = {"kind": kind, "card": card_record(own), "files": [file.path for file in sent]}
        files = [file for file in sent if file.path != _CARD]
        files += [Outgoing(_CARD, card.encode()), Outgoing(_FACTS, (json.dumps(facts, indent=1) + "\n").encode())]
        gone = [path for path in known.get("files", []) if path not in {file.path for file in files}]
        return Plan(sorted(files, key=lambda file: file.path), left_out, gone, card, tag, folders=(folder,))

    return push(
        build,
        repo,
        "space",
        private=private,
        revision=revision,
        dry_run=dry_run,
        token=token,
        message=message,
        sdk=str(data["sdk"]),
    )


def _refuse_another(remote: Remote | None, sent: set[str]) -> None:
    """Raise HubError for a Space with scripts of which none is among those that are sent."""
    scripts = {path for path in remote.files if path.endswith(".py") and "/" not in path} if remote is not None else set()
    if scripts and not scripts & sent:
        raise HubError(f"{remote.repo} holds another Space ({', '.join(sorted(scripts)[:3])}): push to another name.")

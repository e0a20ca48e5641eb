"""Push Spaces: the metric, which `evaluate.load` reads from there, and apps such as the demo."""

from __future__ import annotations

from pathlib import Path

from ..data.errors import did_you_mean
from .errors import HubError
from .files import Outgoing, existing_folder, gather
from .models import content_name
from .plan import Plan, Push, Remote
from .sections import split_card
from .uploading import push

_CARD = "README.md"
# Stands for the owner in the card of a metric.
_OWNER = "ACCOUNT"


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

    Raises:
        HubError: see `uploading.push`; a file is missing; the repository's name is not the script's.
    """
    place = existing_folder(folder, "metric")
    name = repo.split("/")[-1]
    if not (place / f"{name}.py").is_file():
        scripts = [file.stem for file in place.glob("*.py") if "evaluate.Metric" in file.read_text(encoding="utf-8")]
        fix = f"name the repository {scripts[0]!r}" if scripts else "is it the folder of a metric?"
        raise HubError(f"metric {folder} has no {name}.py, which evaluate.load would look for: {fix}.")
    return _push(place, repo, private, revision, dry_run, token, message=f"Upload metric {name}", pinned=True)


def push_space(
    folder: str | Path,
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    dry_run: bool = False,
    token: str | None = None,
) -> Push:
    """Push a Space, such as the demo: its folder as it is. Arguments and errors as of `push_metric`."""
    return _push(existing_folder(folder, "space"), repo, private, revision, dry_run, token, message="Upload Space")


def _push(
    folder: Path,
    repo: str,
    private: bool,
    revision: str | None,
    dry_run: bool,
    token: str | None,
    *,
    message: str,
    pinned: bool = False,
) -> Push:
    sent, left_out = gather(folder)
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
    app = data.get("app_file", "app.py")
    if data["sdk"] != "docker" and not (folder / app).is_file():
        raise HubError(f"{readme.name}: app_file {app} is not in {folder}: add it, or correct the metadata.")

    tag = content_name(sent) if pinned else ""

    def build(remote: Remote | None) -> Plan:
        name = repo if remote is None else remote.repo
        if remote is not None and remote.read(_CARD) is not None:
            there = split_card(remote.read(_CARD) or "", "README.md on the Hub")[0].get("app_file", "app.py")
            own = {file.path for file in sent}
            scripts = {path for path in remote.files if path.endswith(".py") and "/" not in path}
            if scripts and not (scripts & own):
                raise HubError(f"{name} holds another Space ({there}): push to another name.")
        card = text.replace(f"{_OWNER}/", f"{name.split('/')[0]}/") if "/" in name else text
        if pinned and "/" in name:
            card = card.replace(f'evaluate.load("{name}")', f'evaluate.load("{name}", revision="{tag}")')
        files = [file if file.path != _CARD else Outgoing(_CARD, card.encode()) for file in sent]
        return Plan(files, left_out, [], card, tag, folders=(folder,))

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

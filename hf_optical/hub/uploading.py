"""The push itself: a repository that is made if it is not there, and one commit that is visible whole or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, get_token
from huggingface_hub.errors import (
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars, validate_repo_id

from .errors import HubError, cause, explain, passes
from .plan import Plan, Push, Remote
from .private import refuse_private

logger = logging.getLogger(__name__)

KINDS = ("model", "dataset", "space")
# Seconds before each further try of what has failed for a reason that may pass.
WAITS = (1.0, 3.0, 10.0)


def push(
    build: Callable[[Remote | None], Plan],
    repo: str,
    kind: str,
    *,
    private: bool = False,
    revision: str | None = None,
    dry_run: bool = False,
    token: str | None = None,
    message: str = "",
    sdk: str | None = None,
) -> Push:
    """Send what `build` plans in one commit.

    Args:
        build: called without a repository first (whatever it refuses is refused before anything is made on the Hub), then with
            the repository as it stands, so that edits of people are kept; called again if another commit comes in between.
        repo: `owner/name`; without an owner, your own.
        kind: model, dataset or space.
        private: the repository is made private; one that is public already is refused.
        revision: branch, made from main if it is not there; default main.
        dry_run: send and ask nothing, only say what would be sent.
        token: default: that of `hf auth login` or HF_TOKEN.
        message: of the commit.
        sdk: of a new Space.

    Raises:
        HubError: one line for whatever is in the way. Nothing is visible of a push that failed, and large files that arrived
            are not sent again by the next.
    """
    try:
        validate_repo_id(repo)
    except ValueError as error:
        raise explain(error, repo, kind, "") from None
    plan = build(None)
    token = token or get_token()
    refuse_private(plan.files, token=token, namespace=repo.rpartition("/")[0], folders=plan.folders, kind=kind)
    branch = revision or constants.DEFAULT_REVISION
    outcome = Push(repo, kind, private, branch, _sizes(plan), dict(plan.left_out), plan.card, tag=plan.tag, dry_run=dry_run)
    if dry_run:
        return outcome
    api, user = connect(token)
    if "/" not in repo:
        outcome.repo = repo = f"{user}/{repo}"
    attempt = _Attempt(api, repo, kind, branch, private, sdk, message or f"Upload {kind}", token)
    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        remote, plan, commit = again(lambda: attempt.run(build), repo, kind, user)
    finally:
        if shown:
            enable_progress_bars()
    prefix = "" if kind == "model" else f"{kind}s/"
    outcome.files, outcome.left_out, outcome.card, outcome.tag = _sizes(plan), dict(plan.left_out), plan.card, plan.tag
    outcome.url, outcome.commit, outcome.private = f"{api.endpoint}/{prefix}{repo}", commit, remote.private
    outcome.removed = list(plan.delete)
    return outcome


def _sizes(plan: Plan) -> dict[str, int]:
    return {file.path: file.size for file in plan.files}


def connect(token: str | None) -> tuple[HfApi, str]:
    """A client and the name of its user. Raises HubError without a token, with a wrong one, or without a connection."""
    if not token:
        raise HubError("there is no token: run `hf auth login`, or set HF_TOKEN to a token with the role write.")
    api = HfApi(token=token)
    return api, again(lambda: api.whoami()["name"], "", "account", "")


def again(action: Callable[[], Any], repo: str, kind: str, user: str) -> Any:
    """The action's result; what may pass is tried again, every other error becomes a HubError of one line."""
    for wait in (*WAITS, None):
        try:
            return action()
        except (HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, RuntimeError, ValueError) as error:
            reason = cause(error)
            if wait is None or not passes(reason):
                if type(reason) is ValueError:  # metadata that the Hub does not take
                    raise HubError(str(reason)) from None
                if isinstance(reason, RuntimeError) or not isinstance(reason, HTTPError | OfflineModeIsEnabled | HubError):
                    raise  # of the data, which says itself what is wrong
                raise explain(reason, repo, kind, constants.ENDPOINT, user) from None
            logger.info("%s; trying again in %g s", str(reason).strip().split("\n")[0], wait)
            time.sleep(wait)
    raise AssertionError  # the last pass returns or raises


@dataclass
class _Attempt:
    """One try of a push, from looking at the repository to the commit; may be run again after any failure."""

    api: HfApi
    repo: str
    kind: str
    branch: str
    private: bool
    sdk: str | None
    message: str
    token: str
    made: bool = False

    def run(self, build: Callable[[Remote | None], Plan]) -> tuple[Remote, Plan, str]:
        remote = self._repository()
        if self.private and not remote.private:
            what = "was made public by the Hub, against what was asked for" if self.made else "is there already and public"
            raise HubError(f"{self.kind} {self.repo} {what}: make it private in its settings, or leave out --private.")
        plan = build(remote)
        refuse_private(plan.files, token=self.token, namespace=self.repo.split("/")[0], folders=plan.folders, kind=self.kind)
        sent = {file.path for file in plan.files}
        gone = [path for path in plan.delete if path in remote.files and path not in sent]
        operations = [CommitOperationAdd(file.path, _source(file.content)) for file in plan.files]
        operations += [CommitOperationDelete(path) for path in gone]
        done = self.api.create_commit(
            self.repo,
            operations,
            repo_type=self.kind,
            revision=self.branch,
            commit_message=self.message,
            parent_commit=remote.head,
            num_threads=2,
        )
        if plan.tag:
            self.api.create_tag(self.repo, tag=plan.tag, revision=done.oid, repo_type=self.kind, exist_ok=True)
        return remote, replace(plan, delete=gone), done.oid

    def _repository(self) -> Remote:
        """The branch as it stands, of a repository that is made if it is not there."""
        try:
            return Remote(self.api, self.repo, self.kind, self.branch)
        except RevisionNotFoundError:
            pass
        except RepositoryNotFoundError:
            self._refuse_taken_name()
            self.api.create_repo(self.repo, repo_type=self.kind, private=self.private, space_sdk=self.sdk)
            self.made = True
        if self.branch != constants.DEFAULT_REVISION:
            self.api.create_branch(self.repo, branch=self.branch, repo_type=self.kind, exist_ok=True)
        return Remote(self.api, self.repo, self.kind, self.branch)

    def _refuse_taken_name(self) -> None:
        for other in KINDS:
            if other != self.kind and self.api.repo_exists(self.repo, repo_type=other):
                raise HubError(f"{self.repo} is the name of a {other} already, and this is a {self.kind}: give it another name.")


def _source(content: Path | bytes) -> str | bytes:
    return content if isinstance(content, bytes) else str(content)

"""The one error of the hub package, and what the Hub's own errors mean in one line."""

from __future__ import annotations

from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

AGAIN = (408, 412, 429)


class HubError(ValueError):
    """Something that cannot be pushed: one line saying what was wrong, where, and what to do.

    Example:
        >>> print(HubError("README.md:3: a token is in this line; take it out."))
        README.md:3: a token is in this line; take it out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join("".join(c if c.isprintable() else " " for c in message).split()))


def cause(error: BaseException) -> BaseException:
    """The error of the Hub or the network behind one that `huggingface_hub` made of it while uploading or downloading."""
    while isinstance(error, RuntimeError | LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def status(error: BaseException) -> int | None:
    """HTTP status of an error, None where there was no answer."""
    response = getattr(error, "response", None)
    return None if response is None else response.status_code


def passes(error: BaseException) -> bool:
    """Whether the same request may succeed when it is tried again: no answer, a busy server, or another commit came first."""
    if isinstance(error, OfflineModeIsEnabled) or not isinstance(error, HTTPError):
        return False
    code = status(error)
    return code is None or code >= 500 or code in AGAIN


def explain(error: BaseException, repo: str, kind: str, endpoint: str, user: str = "") -> HubError:
    """What went wrong, in one line, and what to do about it."""
    if isinstance(error, HubError):
        return error
    code, who = status(error), f"the token of {user!r}" if user else "the token"
    namespace = repo.split("/")[0]
    if isinstance(error, OfflineModeIsEnabled):
        return HubError("HF_HUB_OFFLINE is set, so nothing can be pushed: unset it, or use --dry-run.")
    if isinstance(error, HFValidationError):
        return HubError(f"{repo!r} is no name of a repository ({_first_line(error)}): give OWNER/NAME.")
    if code == 403:
        return HubError(
            f"{who} may not write to {kind} {repo} (403): ask for access to {namespace!r}, or use a token with the role write."
        )
    if isinstance(error, RevisionNotFoundError):
        return HubError(f"{kind} {repo} has no branch of that name, and none could be made: check --revision.")
    if isinstance(error, RepositoryNotFoundError):
        return HubError(f"{who} cannot see {kind} {repo} at {endpoint} ({code}): check the name, or ask its owner for access.")
    if code == 401:
        return HubError(f"{endpoint} refused {who} (401): log in again with `hf auth login`, or set HF_TOKEN to a valid token.")
    if code == 412:
        return HubError(f"somebody else is pushing to {kind} {repo} at the same time: push again.")
    if code is not None:
        return HubError(f"{endpoint} did not take the push to {kind} {repo} ({code}: {_server_message(error)}).")
    if isinstance(error, HTTPError):
        return HubError(f"{endpoint} cannot be reached ({_first_line(error)}): check the connection, then push again.")
    return HubError(f"the push to {kind} {repo} failed: {error}")


def _server_message(error: BaseException) -> str:
    message = error.server_message if isinstance(error, HfHubHTTPError) else ""
    return message or _first_line(error)


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__

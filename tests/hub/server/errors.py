"""Errors as the Hub answers them: a status, a JSON body, and headers that the clients read."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse


class HubResponseError(Exception):
    """An answer that is an error: `code` becomes `X-Error-Code` (RepoNotFound, RevisionNotFound, EntryNotFound)."""

    def __init__(self, status: int, message: str, *, code: str = "", headers: dict[str, str] | None = None, **body: object) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {}) | (headers or {})
        self.body = {"error": message, **body}


async def answer_error(request: Request, error: HubResponseError) -> JSONResponse:
    """The exception as a response."""
    return JSONResponse(error.body, status_code=error.status, headers=error.headers)

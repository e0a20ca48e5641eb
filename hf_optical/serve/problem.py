"""A request that cannot be answered: its status, and what to do about it."""

from __future__ import annotations

from starlette.responses import JSONResponse


class Problem(Exception):
    """Attributes: `status` of HTTP, `message`: one line for the client, `retry_after` in seconds."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        # what the client sent may be quoted in it, and may be no text that can be sent back
        self.message = message.encode("utf-8", "replace").decode("utf-8")
        self.status, self.retry_after = status, retry_after

    def response(self) -> JSONResponse:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return JSONResponse({"error": self.message}, self.status, headers)

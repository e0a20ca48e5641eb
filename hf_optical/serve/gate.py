"""Receives the body of a request whole, within limits, before anything else looks at it; counts every request."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .metrics import Metrics
from .problem import Problem
from .settings import ServeSettings

# Of a body that is too long so much is still received, and thrown away: a client that is cut off does not read the answer.
_RECEIVED_ANYWAY = 2**23

PATHS = ("/search", "/healthz", "/metrics", "/openapi.json")


class Gate:
    """ASGI middleware, the outermost: whatever goes wrong behind it becomes JSON without a trace of the inside."""

    def __init__(self, app: Any, settings: ServeSettings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.metrics.began()
        try:
            body = await self._body(scope, receive)
            await self.app(scope, _replay(body, receive), watched)
        except Problem as problem:
            await problem.response()(scope, receive, watched)
        finally:
            self.metrics.ended()
            path = scope["path"] if scope["path"] in PATHS else "other"
            self.metrics.finished(path, status, time.perf_counter() - began)

    async def _body(self, scope: dict[str, Any], receive: Any) -> bytes:
        headers = {name.lower(): value for name, value in scope["headers"]}
        limit = self.settings.max_body_bytes
        too_long = Problem(413, f"the request has more than {limit:,} bytes: shorten the question or the filter.")
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > _RECEIVED_ANYWAY:
            raise too_long
        if len(scope.get("query_string", b"")) > limit:
            raise Problem(414, f"the address has more than {limit:,} bytes: shorten the question or the filter.")
        body, received = bytearray(), 0
        try:
            async with asyncio.timeout(self.settings.timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        break
                    part = message.get("body", b"")
                    received += len(part)
                    if received > _RECEIVED_ANYWAY:
                        raise too_long
                    if received <= limit:
                        body += part
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise Problem(408, f"the request did not come whole within {self.settings.timeout:g} seconds: send it again.") from None
        if received > limit:
            raise too_long
        if scope["method"] == "POST" and not _is_json(headers.get(b"content-type", b"")):
            raise Problem(415, "the body must be JSON: send it with the header Content-Type: application/json.")
        return bytes(body)


def _is_json(content_type: bytes) -> bool:
    return content_type.split(b";")[0].strip().lower() in (b"application/json", b"text/json")


def _replay(body: bytes, receive: Any) -> Any:
    sent = False

    async def again() -> dict[str, Any]:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again

"""What can go wrong on the way: a status in the middle of an upload, a connection cut before or after the server is done."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.h11_impl import H11Protocol

CUT, LOSE_ANSWER = "cut", "lose answer"


@dataclass
class Fault:
    """Something to go wrong, so many times, with requests whose `METHOD path` matches the pattern.

    Args:
        pattern: regular expression, such as `"POST .*/commit/"`.
        action: a status (half of the body is read, then the answer is that status), `CUT` (the connection ends in the middle
            of the request), or `LOSE_ANSWER` (the request is served, and the connection ends instead of the answer).
        times: how often.
        happened: how often it did.
    """

    pattern: str
    action: int | str
    times: int = 1
    happened: int = 0

    def strikes(self, request: str) -> bool:
        """Whether it goes wrong now; counts."""
        if self.happened >= self.times or not re.search(self.pattern, request):
            return False
        self.happened += 1
        return True


class FaultMiddleware:
    """Plain ASGI, so that a request can be left half-read and an answer unsent; also keeps what was received."""

    def __init__(self, app: Any, server: Any) -> None:
        self.app = app
        self.server = server

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        hub, request = self.server.hub, f"{scope['method']} {scope['path']}"
        hub.requests.append((scope["method"], scope["path"]))
        fault = next((f for f in hub.faults if f.action != CUT and f.strikes(request)), None)
        if fault is not None and fault.action != LOSE_ANSWER:
            await receive()  # the first piece of the body, and no more
            await _answer(send, int(fault.action))
            return
        body = bytearray()

        async def kept() -> dict:
            message = await receive()
            body.extend(message.get("body", b""))
            if body and not message.get("more_body"):
                hub.received.append((request, bytes(body)))
                body.clear()
            return message

        with suppress(ClientDisconnect):  # its connection was cut, as it was meant to be
            await self.app(scope, kept, _nowhere if fault else send)
        if fault:  # an answer that is announced and does not come: uvicorn ends the connection
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


async def _answer(send: Any, status: int) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"fault"})


async def _nowhere(message: dict) -> None:
    """The answer that is lost."""


class CuttingProtocol(H11Protocol):
    """uvicorn's, which ends the connection when half of a request came in that a `CUT` fault is meant for."""

    hub_server: Any = None

    def data_received(self, data: bytes) -> None:
        line = data.split(b"\r\n", 1)[0].decode("latin-1").rsplit(" HTTP/", 1)[0]
        faults = self.hub_server.hub.faults
        if any(fault.action == CUT and fault.strikes(line) for fault in faults):
            head = data.find(b"\r\n\r\n") + 4
            super().data_received(data[: max(head, len(data) // 2)])
            self.loop.call_later(0.05, self.transport.abort)
            self.transport.pause_reading()
            return
        super().data_received(data)

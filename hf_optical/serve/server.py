"""Run the service until it is told to stop; requests that have begun are finished."""

from __future__ import annotations

import logging
import signal
import socket
from typing import Any

from ..search.engine_error import EngineError

logger = logging.getLogger(__name__)


def serve(app: Any, host: str, port: int, *, grace: float) -> None:
    """Listen, and return after SIGTERM or SIGINT when every request that had come is answered.

    Args:
        port: 0: any free one; the log tells which.
        grace: seconds after which running requests are given up.

    Raises:
        EngineError: (OSError) the port is taken, or not allowed.
    """
    import uvicorn

    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except OSError as error:
        raise EngineError(f"cannot listen on {host}:{port} ({error.strerror}): choose another --port or --host.") from None
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # questions are their askers' own business
        timeout_graceful_shutdown=max(1, round(grace)),
        server_header=False,
        lifespan="on",
    )
    # uvicorn raises the signal again when it is done, for whom it may concern: that is nobody here
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        shown = f"[{host}]" if ":" in host else host
        logger.info("listening on http://%s:%d (stop with Ctrl-C or SIGTERM)", shown, listening.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        listening.close()
    logger.info("stopped")

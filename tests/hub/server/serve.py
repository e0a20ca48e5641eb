"""The server in a thread of its own, on a free port of the loopback interface, and the environment of its clients."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import uvicorn

from .app import create_app
from .faults import CuttingProtocol
from .store import Hub

# What would lead a client elsewhere, or let one test see what another has downloaded.
_CLEARED = ("HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "HF_MODULES_CACHE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class HubServer:
    """A running server; `hub` is what it serves and may be replaced between tests.

    Example:
        >>> with HubServer(Hub({"hf_key": User("anna")})) as server:  # doctest: +SKIP
        ...     subprocess.run([...], env=client_environment(server.url, "hf_key", tmp_path))
    """

    def __init__(self, hub: Hub | None = None, port: int = 0) -> None:
        self.hub = hub or Hub()
        self._port = port
        protocol = type("Protocol", (CuttingProtocol,), {"hub_server": self})
        config = uvicorn.Config(
            create_app(self), "127.0.0.1", port, http=protocol, log_level="error", lifespan="off", timeout_keep_alive=60
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="hub", daemon=True)

    def __enter__(self) -> HubServer:
        self._thread.start()
        until = time.monotonic() + 20
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise RuntimeError("the test server did not start")
            time.sleep(0.01)
        self._port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"


def client_environment(url: str, token: str | None, home: Path) -> dict[str, str]:
    """Environment of a fresh process whose Hub is this server; caches go under `home`."""
    environment = {k: v for k, v in os.environ.items() if k not in (*_CLEARED, *_PROXIES)}
    environment |= {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONWARNINGS": "ignore",
    }
    return environment | ({"HF_TOKEN": token} if token else {})

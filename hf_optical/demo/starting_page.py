"""A page that tells how far the start is, on the demo's own address until the demo takes it over."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Starting…</title><style>
:root{color-scheme:light dark}body{font:17px/1.6 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center;
background:light-dark(#fafaf9,#131211);color:light-dark(#1c1917,#f5f5f4)}main{width:min(30rem,86vw)}h1{font-size:1.5rem;margin:0}
progress{width:100%;height:.8rem;accent-color:#0f766e}p{margin:.4rem 0 1rem}</style></head><body><main><h1>Starting the demo</h1>
<p>Its models are made ready once; later starts take seconds.</p><progress max="1" value="0" aria-label="Progress"></progress>
<p id="text" aria-live="polite">&nbsp;</p></main><script>
async function look(){try{const r=await fetch("progress.json",{cache:"no-store"});
if(!(r.headers.get("content-type")||"").includes("json"))throw 0;
const p=await r.json();document.querySelector("progress").value=p.part;
document.getElementById("text").textContent=p.text+" ("+Math.round(100*p.part)+" %)"}
catch{try{const r=await fetch("config",{cache:"no-store"});if(r.ok){location.reload();return}}catch{}}
setTimeout(look,1000)}look()</script></body></html>"""


class StartingPage:
    """Serves the page in a thread; a context, at whose end the address is free again.

    Args:
        host, port: where to listen; port 0 is any free one, then told by `port`.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, host: str, port: int) -> None:
        self._state: dict[str, Any] = {"part": 0.0, "text": "starting"}
        state = self._state

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_progress = self.path.split("?")[0].endswith("/progress.json")
                body = json.dumps(state) if is_progress else _PAGE
                # whoever looks at whether the demo itself is there sees that it is not yet
                self.send_response(200 if is_progress or self.path.split("?")[0] == "/" else 503)
                self.send_header("Content-Type", "application/json" if is_progress else "text/html; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args: object) -> None:
                """Requests are no news."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise OSError(f"{host}:{port} cannot be listened on ({error.strerror}): give another port.") from None
        self._server.daemon_threads = True
        self.port = self._server.server_port

    def __enter__(self) -> StartingPage:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def show(self, part: float, text: str) -> None:
        """Tell how far the start is, 0 to 1, and what is being done."""
        self._state.update(part=part, text=text)

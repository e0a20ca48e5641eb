"""The real server process: SIGTERM while a request runs."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is an optional extra")

PROGRAM = """
import logging, sys, threading
sys.path.insert(0, sys.argv[1])
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
from stand_in import StandIn
from hf_optical.serve import create_app
from hf_optical.serve.server import serve
searcher = StandIn()
searcher.go.clear()
threading.Thread(target=lambda: (sys.stdin.readline(), searcher.go.set()), daemon=True).start()
ask = searcher.search
def search(*args, **kwargs):
    print("searching", flush=True)
    return ask(*args, **kwargs)
searcher.search = search
serve(create_app(searcher), "127.0.0.1", 0, grace=20)
print("ended", flush=True)
"""


def closed(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            time.sleep(0.05)
    except OSError:
        return True
    return False


def post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/search", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_sigterm_finishes_what_runs_and_takes_nothing_new():
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)]
    root = Path(__file__).parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=root, text=True, **pipes) as server:
        try:
            lines = iter(server.stderr.readline, "")
            port = next(int(found[1]) for line in lines if (found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)))
            answers = []

            status, answer = post(port, json.dumps({"query": "x" * 1_000_000, "language": "sw"}))
            assert (status, "65,536 bytes" in answer["error"]) == (413, True)
            asked = json.dumps({"query": "maji", "language": "sw"})
            thread = threading.Thread(target=lambda: answers.append(post(port, asked)))
            thread.start()
            assert server.stdout.readline() == "searching\n"
            server.send_signal(signal.SIGTERM)
            assert any(closed(port) for _ in range(100))
            assert thread.is_alive()  # its request is still running
            server.stdin.write("go\n")
            server.stdin.flush()
            thread.join(20)
            assert answers[0][0] == 200
            assert answers[0][1]["hits"][0]["id"] == "maji-0"
            assert server.wait(20) == 0
            assert server.stdout.read() == "ended\n"
            assert "Traceback" not in server.stderr.read()
        finally:
            server.kill()

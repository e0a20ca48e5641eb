"""The demo under load: visitors who ask one question after the other on its page, over loopback.

    python benchmarks/demo_load.py [--seconds 60] [--sessions 32] [--cache FOLDER] [--first-start] [--report FOLDER] [DEMO OPTIONS]

The demo is a process of its own, by default that of the embedded sample, whose models are trained first if the cache does not hold
them. Every session does what the page does when Search is pressed: join the queue, then read the stream of events until the answer
is there; so latencies include waiting for others. A refusal, a warning or an answer without passages counts as an error. Memory is
the resident set of the demo's process (Linux). The sessions run on the same machine and take processor time from the demo.
With --first-start, the start with an empty cache is measured too: that one trains. Options that are not known here are those of
`optical demo`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

QUERIES = files("hf_optical") / "data" / "sample" / "queries.jsonl"
_DEMO = "import sys; from hf_optical.cli import main; sys.exit(main(['demo', *sys.argv[1:]]))"
_READY = re.compile(r"the demo is on http://127\.0\.0\.1:(\d+)")
_PATIENCE = 120.0


class Session(threading.Thread):
    """One visitor: asks until `end`, each question when the answer to the one before it is there."""

    def __init__(self, port: int, function: int, questions: list[str], language: str, end: float) -> None:
        super().__init__(daemon=True)
        self._port, self._function, self._language, self._end = port, function, language, end
        self._questions = questions
        self._name = uuid.uuid4().hex
        self.seconds: list[float] = []
        self.errors: Counter[str] = Counter()

    def run(self) -> None:
        number = 0
        while time.perf_counter() < self._end:
            began = time.perf_counter()
            try:
                self.ask(self._questions[number % len(self._questions)])
            except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
                self.errors[f"{type(error).__name__}: {error}"[:120]] += 1
            self.seconds.append(time.perf_counter() - began)
            number += 1

    def ask(self, question: str) -> str:
        """The HTML of the answer. Raises ValueError if there is none."""
        body = {"data": [question, self._language, 5], "fn_index": self._function, "session_hash": self._name}
        status, text = request(self._port, "POST", "/gradio_api/queue/join", body)
        if status != 200:
            raise ValueError(f"joining the queue: {status} {text[:80]}")
        event = json.loads(text)["event_id"]
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        try:
            connection.request("GET", f"/gradio_api/queue/data?session_hash={self._name}")
            for line in connection.getresponse():
                told = json.loads(line[5:]) if line.startswith(b"data:") else {}
                if told.get("msg") == "process_completed" and told.get("event_id") == event:
                    if not told["success"]:
                        raise ValueError(f"refused: {told['output'].get('error')}")
                    html = told["output"]["data"][0]
                    if "op-card" not in html:
                        raise ValueError(f"no passage: {re.sub('<[^>]*>', '', html)[:80]}")
                    return html
            raise ValueError("the stream ended without an answer")
        finally:
            connection.close()


def request(port: int, method: str, path: str, body: Any = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@contextlib.contextmanager
def demo(arguments: list[str], threads: int) -> Iterator[tuple[int, int, float]]:
    """Start the demo. Yields its process id, its port and the seconds until it was ready."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", _DEMO, *arguments, "--threads", str(threads), "--port", "0"]
    began = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            told: list[str] = []
            for line in process.stderr:
                told.append(line)
                if found := _READY.search(line):
                    break
            else:
                raise SystemExit(f"the demo did not start: {''.join(told)}")
            took = time.perf_counter() - began
            threading.Thread(target=lambda: sys.stderr.writelines(process.stderr), daemon=True).start()
            yield process.pid, int(found[1]), took
            if process.poll() is not None:
                raise SystemExit(f"the demo ended with {process.returncode}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def search_function(port: int) -> tuple[int, str]:
    """Number of what the button Search calls, and the language that is chosen at first."""
    config = json.loads(request(port, "GET", "/config")[1])
    button = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "op-search")
    called = next(part for part in config["dependencies"] if [button, "click"] in [list(target) for target in part["targets"]])
    chooser = next(part for part in config["components"] if part["id"] == called["inputs"][1])
    return called["id"], chooser["props"]["value"]


def megabytes(pid: int, what: str = "VmRSS") -> float:
    """Memory of a process now; at most so far with VmHWM."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(re.search(rf"^{what}:\s+(\d+) kB$", status, re.M)[1]) * 1024 / 1e6, 1)


def measure(pid: int, port: int, questions: list[str], sessions: int, seconds: float) -> dict[str, Any]:
    """First visit, then the load for so many seconds."""
    began = time.perf_counter()
    request(port, "GET", "/")
    page = time.perf_counter() - began
    function, language = search_function(port)
    began = time.perf_counter()
    Session(port, function, questions, language, 0.0).ask(questions[0])
    first_answer = time.perf_counter() - began
    memory = {"start": megabytes(pid)}
    began = time.perf_counter()
    shifts = [len(questions) * number // sessions for number in range(sessions)]
    threads = [Session(port, function, questions[s:] + questions[:s], language, began + seconds) for s in shifts]
    for thread in threads:
        thread.start()
    for name, share in (("tenth", 0.1), ("middle", 0.5), ("end", 0.98)):
        time.sleep(max(0.0, began + share * seconds - time.perf_counter()))
        memory[name] = megabytes(pid)
    for thread in threads:
        thread.join(_PATIENCE)
    took = time.perf_counter() - began
    memory["most"] = megabytes(pid, "VmHWM")
    latencies = sorted(value for thread in threads for value in thread.seconds)
    errors = sum((thread.errors for thread in threads), Counter())
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "requests": len(latencies),
        "errors": dict(errors),
        "requests_per_second": round(len(latencies) / took, 1),
        "seconds": {"median": round(cuts[49], 2), "p95": round(cuts[94], 2), "longest": round(latencies[-1], 2)},
        "fewest_answers_of_a_session": min(len(thread.seconds) for thread in threads),
        "megabytes": memory,
        "page_seconds": round(page, 3),
        "first_answer_seconds": round(first_answer, 3),
    }


def report(found: dict[str, Any]) -> str:
    """As Markdown."""
    latency, memory = found["seconds"], found["megabytes"]
    errors = ", ".join(f"{number} x {name}" for name, number in found["errors"].items()) or "none"
    trained = found.get("first_start_seconds")
    grown = ", ".join(f"{memory[name]:,.0f}" for name in ("start", "tenth", "middle", "end"))
    rows = [
        ("start, models in the cache", f"{found['start_seconds']} s"),
        *([("start, empty cache (trains the sample)", f"{trained} s")] if trained else []),
        ("page (HTML)", f"{found['page_seconds']} s"),
        ("first answer", f"{found['first_answer_seconds']} s"),
        ("requests", f"{found['requests']:,}, {found['requests_per_second']} a second"),
        ("errors", errors),
        ("latency, median", f"{latency['median']} s"),
        ("latency, 95th percentile", f"{latency['p95']} s"),
        ("latency, longest", f"{latency['longest']} s"),
        ("memory at start, after a tenth, middle, end", f"{grown} MB"),
        ("memory, most", f"{memory['most']:,.0f} MB"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"""# The demo under load

Made by `python benchmarks/demo_load.py`. {found["sessions"]} sessions at once for {found["asked_seconds"]:g} s over loopback, each
asking different questions, the next when the last is answered; on the same machine of {found["processors"]} processors (load
before: {found["load_before"]}). Demo with {found["threads"]} thread(s), {found["shown"]}. gradio {found["gradio"]}, Python
{found["python"]}.

|  |  |
| --- | --- |
{table}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--sessions", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1, help="of the demo's matrix products (default: 1)")
    parser.add_argument("--cache", help="folder with the sample's models (default: the platform's)")
    parser.add_argument("--queries", default=str(QUERIES), help="JSON Lines with text")
    parser.add_argument("--first-start", action="store_true", help="also time a start with an empty cache")
    parser.add_argument("--report", metavar="FOLDER", help="write demo.md and demo.json there")
    args, rest = parser.parse_known_args()
    lines = Path(args.queries).read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["text"] for line in lines if line.strip()]
    found: dict[str, Any] = {"sessions": args.sessions, "asked_seconds": args.seconds, "threads": args.threads}
    if args.first_start:
        with tempfile.TemporaryDirectory() as empty, demo(["--cache", empty, *rest], args.threads) as (_, _, took):
            found["first_start_seconds"] = round(took, 1)
    cache = ["--cache", args.cache] if args.cache else []
    with demo([*cache, *rest], args.threads):
        pass  # trains what the cache does not hold, and reads the files once
    found |= {"processors": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    found |= {"python": platform.python_version(), "gradio": version("gradio")}
    found["shown"] = "models and index of the options" if "--student" in rest else "the sample's student and 200 passages"
    with demo([*cache, *rest], args.threads) as (pid, port, took):
        found["start_seconds"] = round(took, 1)
        found |= measure(pid, port, questions, args.sessions, args.seconds)
    print(report(found))
    if args.report:
        folder = Path(args.report)
        (folder / "demo.md").write_text(report(found), encoding="utf-8")
        (folder / "demo.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

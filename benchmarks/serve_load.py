"""`optical serve` under load: clients that ask one question after the other, over loopback.

    python benchmarks/serve_load.py --teacher T --student sw=S [--index I | --passages P] [--seconds 60] [--clients 32] [--json]

Without --index, the passages (default: the embedded sample's) are encoded into a temporary index. The service is a process of its
own; its memory is what its /metrics tell. Latencies are those of the clients, errors included. The clients run on the same machine
and take processor time from the service. `--max-batch 1` shows what searching waiting questions together is worth.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

SAMPLE = files("hf_optical") / "data" / "sample"
_SERVE = "import sys; from hf_optical.cli import command, run; sys.exit(run(command('serve'), sys.argv[1:]))"


class Client(threading.Thread):
    """Asks until `end`, over one connection; a broken one counts as an error and is made anew."""

    def __init__(self, port: int, questions: list[dict[str, Any]], end: float) -> None:
        super().__init__(daemon=True)
        self._port, self._questions, self._end = port, questions, end
        self.seconds: list[float] = []
        self.errors: Counter[str] = Counter()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        number = 0
        while time.perf_counter() < self._end:
            body = json.dumps(self._questions[number % len(self._questions)])
            number += 1
            began = time.perf_counter()
            try:
                connection.request("POST", "/search", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = json.loads(answer.read())
                if answer.status != 200 or not content["hits"]:
                    self.errors[str(answer.status)] += 1
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.errors[type(error).__name__] += 1
                connection.close()
            self.seconds.append(time.perf_counter() - began)
        connection.close()


@contextlib.contextmanager
def service(arguments: list[str], threads: int) -> Iterator[int]:
    """Start `optical serve` and yield its port; stop it by SIGTERM, and see that it stops well."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-c", _SERVE, *arguments, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            told: list[str] = []
            for line in process.stderr:
                told.append(line)
                if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                    break
            else:
                raise SystemExit(f"the service did not start: {''.join(told)}")
            threading.Thread(target=lambda: sys.stderr.writelines(process.stderr), daemon=True).start()
            yield int(found[1])
            process.send_signal(signal.SIGTERM)
            if code := process.wait(30):
                raise SystemExit(f"the service ended with {code}")
        finally:
            process.kill()


def measure(port: int, questions: list[dict[str, Any]], clients: int, seconds: float) -> dict[str, Any]:
    """Load for so many seconds."""
    resident(port)
    start = resident(port)
    began = time.perf_counter()
    threads = [
        Client(port, questions[shift % len(questions) :] + questions[: shift % len(questions)], began + seconds)
        for shift in range(0, 5 * clients, 5)
    ]
    for thread in threads:
        thread.start()
    memory = {"start": start}
    for name, share in (("tenth", 0.1), ("middle", 0.5), ("end", 0.98)):
        time.sleep(max(0, began + share * seconds - time.perf_counter()))
        memory[name] = resident(port)
    for thread in threads:
        thread.join(seconds + 120)
    took = time.perf_counter() - began
    latencies = sorted(1000 * value for thread in threads for value in thread.seconds)
    errors = sum((thread.errors for thread in threads), Counter())
    cuts = statistics.quantiles(latencies, n=100)
    metrics = text(port, "/metrics")
    batches = {name: float(re.search(rf"^optical_batch_size_{name} (\S+)$", metrics, re.M)[1]) for name in ("sum", "count")}
    return {
        "requests": len(latencies),
        "errors": dict(errors),
        "requests_per_second": round(len(latencies) / took, 1),
        "milliseconds": {
            "p50": round(cuts[49], 1),
            "p95": round(cuts[94], 1),
            "p99": round(cuts[98], 1),
            "max": round(latencies[-1]),
        },
        "mean_batch": round(batches["sum"] / batches["count"], 2),
        "resident_megabytes": {name: round(value / 1e6, 1) for name, value in memory.items()},
    }


def resident(port: int) -> int:
    """Bytes of the service in memory."""
    return int(re.search(r"^process_resident_memory_bytes (\d+)$", text(port, "/metrics"), re.M)[1])


def text(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    content = connection.getresponse().read().decode()
    connection.close()
    return content


def build(folder: str, passages: str, teacher: str) -> str:
    from hf_optical.data import load_passages
    from hf_optical.models.pretrained import load_teacher
    from hf_optical.search import DiskIndex

    index = f"{folder}/index"
    DiskIndex.build(index, load_teacher(teacher), *load_passages(passages))
    return index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--student", action="append", required=True, metavar="[NAME=]S", help="the first one is asked")
    parser.add_argument("--teacher", help="encodes the passages")
    parser.add_argument("--index", help="an index that is there")
    parser.add_argument("--passages", default=str(SAMPLE / "corpus.jsonl"))
    parser.add_argument("--queries", default=str(SAMPLE / "queries.jsonl"), help="JSON Lines with text")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--matches", action="store_true", help="also ask which words matched")
    parser.add_argument("--max-batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1, help="of the service's matrix products (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    if not (args.index or args.teacher):
        parser.error("give --index, or --teacher to make one")
    lines = Path(args.queries).read_text(encoding="utf-8").splitlines()
    language = args.student[0].partition("=")[0] if "=" in args.student[0] else Path(args.student[0]).name
    asked = {"k": args.k, "language": language, "matches": args.matches}
    questions = [{"query": json.loads(line)["text"], **asked} for line in lines if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        index = args.index or build(folder, args.passages, args.teacher)
        students = [part for student in args.student for part in ("--student", student)]
        with service([index, *students, "--max-batch", str(args.max_batch), "--timeout", "60"], args.threads) as port:
            passages = json.loads(text(port, "/healthz"))["passages"]
            before = os.getloadavg()[0]
            found = measure(port, questions, args.clients, args.seconds)
    found = {
        "passages": passages,
        "clients": args.clients,
        "seconds": args.seconds,
        "k": args.k,
        "max_batch": args.max_batch,
        "threads": args.threads,
        "processors": os.cpu_count(),
        "load_before": round(before, 1),
        "python": platform.python_version(),
        **found,
    }
    if args.json:
        print(json.dumps(found, indent=1))
        return
    times, memory = found["milliseconds"], found["resident_megabytes"]
    print(f"{passages:,} passages, {args.clients} clients, {args.seconds:g} s, {os.cpu_count()} processors (load {before:.1f})")
    print(f"errors: {found['errors'] or 'none'} of {found['requests']:,} requests, {found['requests_per_second']} a second")
    print(f"latency: p50 {times['p50']} ms, p95 {times['p95']} ms, p99 {times['p99']} ms, longest {times['max']} ms")
    print(f"mean batch: {found['mean_batch']}")
    print("memory: " + ", ".join(f"{value} MB at {name}" for name, value in memory.items()))


if __name__ == "__main__":
    main()

"""Numbers of the running service, in Prometheus' text format."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH = (1, 2, 4, 8, 16, 32)


class Histogram:
    """Counts of values up to each bound."""

    def __init__(self, bounds: Iterable[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts, self.sum = [0] * (len(self.bounds) + 1), 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str) -> list[str]:
        lines, total = [f"# TYPE {name} histogram"], 0
        for bound, count in zip((*self.bounds, "+Inf"), self.counts, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self.sum:.6f}", f"{name}_count {total}"]


class Metrics:
    """Counts requests; safe from several threads.

    Example:
        >>> metrics = Metrics()
        >>> metrics.finished("/search", 200, 0.02)
        >>> 'optical_requests_total{path="/search",status="200"} 1' in metrics.text(passages=3, searches=0)
        True
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._latency, self._batch = Histogram(_SECONDS), Histogram(_BATCH)
        self.in_flight = 0

    def began(self) -> None:
        with self._lock:
            self.in_flight += 1

    def ended(self) -> None:
        with self._lock:
            self.in_flight -= 1

    def finished(self, path: str, status: int, seconds: float) -> None:
        """A request was answered; only searches count for the latency."""
        with self._lock:
            self._requests[path, status] += 1
            if path == "/search":
                self._latency.add(seconds)

    def batched(self, size: int) -> None:
        """So many questions were searched together."""
        with self._lock:
            self._batch.add(size)

    def text(self, *, passages: int, searches: int) -> str:
        """All of them; `searches`: running or waiting now."""
        with self._lock:
            requests = sorted(self._requests.items())
            lines = ["# TYPE optical_requests_total counter"]
            lines += [f'optical_requests_total{{path="{path}",status="{status}"}} {n}' for (path, status), n in requests]
            errors: Counter[int] = Counter()
            for (_, status), number in requests:
                if status >= 400:
                    errors[status] += number
            lines += ["# TYPE optical_errors_total counter"]
            lines += [f'optical_errors_total{{status="{status}"}} {number}' for status, number in sorted(errors.items())]
            lines += self._latency.lines("optical_search_seconds") + self._batch.lines("optical_batch_size")
            gauges = {
                "optical_requests_in_flight": self.in_flight,
                "optical_searches_in_flight": searches,
                "optical_index_passages": passages,
                "process_resident_memory_bytes": resident_memory(),
            }
        for name, value in gauges.items():
            lines += [f"# TYPE {name} gauge", f"{name} {value}"]
        return "\n".join(lines) + "\n"


def resident_memory() -> int:
    """Bytes of this process in memory; where the system does not tell, the most there have been."""
    status = Path("/proc/self/statm")
    if status.is_file():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024

"""Speed, size and recall of search, ours beside its peers: the tables of `benchmarks/search.md`.

    python benchmarks/search.py --teacher runs/teacher --student runs/benchmark-sw/optical--sinkhorn-0-05--masked

The teacher's passages are encoded once and kept in a file (that of `benchmarks/swahili.py` will do: --passages). Whoever is
compared takes turns, on one thread, so that whatever else the machine does falls on all. Seconds are given by the clock and of the
processor: the latter count where others use the machine too. `--rows` chooses tables; the others are kept as the report has them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from search_approximate import approximate
from search_growth import growth
from search_report import report
from search_systems import K, System, embedding_bytes, found, systems, temporary_folder, write_index
from swahili import passage_index
from torch import Tensor

from hf_optical.data import RetrievalCollection, load_retrieval
from hf_optical.data.files import write_atomically
from hf_optical.models import OpticalTeacherModel
from hf_optical.models.pretrained import load_student, load_teacher
from hf_optical.search import ExactIndex
from hf_optical.search.token_pooling import pool_tokens

ROWS = ("encoding", "recall", "latency", "latency 2,000", "growth", "approximate")


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    started = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started[0], time.process_time() - started[1]


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {"p50": round(statistics.median(ordered), 1), "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1)}


def encoding(teacher: OpticalTeacherModel, texts: Sequence[str], pairs: int) -> dict[str, Any]:
    """Passages a second, ours and sentence-transformers' with the same weights, in pairs; and ours in bfloat16."""
    from sentence_transformers import MultiVectorEncoder

    with tempfile.TemporaryDirectory() as folder:
        _ = teacher.tokenizer
        teacher.save_pretrained(folder)
        theirs = MultiVectorEncoder(folder, trust_remote_code=True, device="cpu")
        half = OpticalTeacherModel.from_pretrained(folder, dtype=torch.bfloat16).eval()
        half.tokenizer = teacher.tokenizer
    calls = {
        "hf_optical": lambda: teacher.encode_document(texts, show_progress_bar=False),
        "sentence-transformers": lambda: theirs.encode_document(list(texts), show_progress_bar=False),
        "sentence-transformers, batches of 8": lambda: theirs.encode_document(list(texts), batch_size=8, show_progress_bar=False),
        "hf_optical bfloat16": lambda: half.encode_document(texts, show_progress_bar=False),
    }
    ours, reference = (calls[name]() for name in ("hf_optical", "sentence-transformers"))
    furthest = max((a - b).abs().max().item() for a, b in zip(ours, reference, strict=True))
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(pairs):
        for name, call in calls.items():
            seconds[name].append(timed(call))
    rows = {
        name: {
            "passages_per_second": round(len(texts) / statistics.median(wall for wall, _ in values), 1),
            "passages_per_cpu_second": round(len(texts) / statistics.median(cpu for _, cpu in values), 1),
        }
        for name, values in seconds.items()
    }
    for name in calls:
        for position, kind in enumerate(("ratio", "cpu_ratio")):
            ratios = [b[position] / a[position] for a, b in zip(seconds[name], seconds["sentence-transformers"], strict=True)]
            rows[name][kind] = [round(value, 2) for value in (statistics.median(ratios), min(ratios), max(ratios))]
    return {"passages": len(texts), "tokens": sum(map(len, ours)), "pairs": pairs, "difference": furthest, "rows": rows}


def recall(
    documents: Sequence[Tensor], queries: dict[str, Tensor], collection: RetrievalCollection, folder: Path
) -> list[dict[str, Any]]:
    """Bytes a passage and recall@10, float32 in memory and on disk in every form."""
    wanted = {
        query: {i for i, grade in grades.items() if grade > 0} for query, grades in collection.qrels.items() if query in queries
    }
    asked = [queries[query] for query in wanted]

    def row(form: str, size: int, search: System) -> dict[str, Any]:
        hits = [[collection.corpus_ids[i] for i in positions] for positions in search(asked)]
        shares = [len(right.intersection(hit)) / len(right) for right, hit in zip(wanted.values(), hits, strict=True)]
        return {"form": form, "bytes": round(size / len(documents)), "recall@10": round(100 * statistics.mean(shares), 2)}

    in_memory = ExactIndex([str(i) for i in range(len(documents))], documents, "")
    rows = [row("float32, in memory", 4 * sum(document.numel() for document in documents), found(in_memory))]
    del in_memory
    for factor in (1, 2, 3, 4):
        pooled = [pool_tokens(document, factor)[0] for document in documents]
        for dtype in ("float16", "int8"):
            index = write_index(folder / "index", pooled, dtype)
            rows.append(row(dtype + (f", pooled by {factor}" if factor > 1 else ""), embedding_bytes(index), found(index)))
    return rows


def latency(
    documents: Sequence[Tensor], queries: Sequence[Tensor], folder: Path, singles: int, batches: int, with_qdrant: bool
) -> dict[str, Any]:
    """Milliseconds of a search by everyone in turns: one query, and 32."""
    everyone, missing = systems(documents, folder, with_qdrant)
    agreed = everyone["ExactIndex"](queries[:32])
    rows: dict[str, dict[str, Any]] = {}
    for name, search in everyone.items():
        same = [len(set(a) & set(b)) / len(a) for a, b in zip(agreed, search(queries[:32]), strict=True)]
        rows[name] = {"recall_of_exact": round(statistics.mean(same), 4)}
    for count, rounds in ((1, singles), (32, batches)):
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in everyone}
        for number in range(rounds):
            start = (number * count) % (len(queries) - count + 1)
            for name, search in everyone.items():
                seconds[name].append(timed(partial(search, queries[start : start + count])))
        for name, values in seconds.items():
            rows[name][f"{count}"] = percentiles([1000 * wall for wall, _ in values])
            rows[name][f"{count} cpu"] = percentiles([1000 * cpu for _, cpu in values])
    return {
        "passages": len(documents),
        "tokens": sum(map(len, documents)),
        "query_tokens": round(statistics.mean(map(len, queries)), 1),
        "rounds": [singles, batches],
        "missing": missing,
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=Path, default=Path("../shared/suite"))
    parser.add_argument("--language", default="sw")
    parser.add_argument("--teacher", default="runs/teacher")
    parser.add_argument("--student", default="runs/benchmark-sw/optical--sinkhorn-0-05--masked")
    parser.add_argument("--passages", type=Path, default=Path("runs/benchmark-sw/passages.safetensors"))
    parser.add_argument("--passages-limit", type=int, help="only the first so many passages")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--encode", type=int, default=512, help="passages encoded for speed (default: 512)")
    parser.add_argument("--pairs", type=int, default=5, help="encoding: pairs of runs (default: 5)")
    parser.add_argument("--rounds", type=int, nargs=2, default=(40, 6), metavar=("SINGLE", "BATCH"), help="latency (default: 40 6)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000, 300_000, 1_000_000], help="growth")
    parser.add_argument("--copies", type=int, default=3, help="approximate: times that the collection is there (default: 3)")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/benchmark-search"), help="for temporary indexes; deleted afterwards"
    )
    parser.add_argument("--note", default="", help="a sentence on the machine, for the report")
    parser.add_argument("--report", type=Path, default=Path("benchmarks/search.md"))
    options = parser.parse_args()
    if not options.suite.is_dir():
        raise SystemExit(f"suite not found at {options.suite}: give its folder with --suite.")
    torch.set_num_threads(1)

    collection = load_retrieval(options.suite / "retrieval" / f"{options.language}-en", corpus=options.suite / "corpus.jsonl.gz")
    teacher, student = load_teacher(options.teacher), load_student(options.student)
    index = passage_index(teacher, collection, options.passages, bf16=False)
    documents = [index.document(i).embeddings for i in collection.corpus_ids][: options.passages_limit]
    del index
    texts = {query: collection.queries[query] for query in collection.qrels if query in collection.queries}
    queries = dict(zip(texts, student.encode_query(list(texts.values())), strict=True))
    asked = list(queries.values())

    file = options.report.with_suffix(".json")
    document = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    step = max(1, len(documents) // options.encode)
    with temporary_folder(options.work) as folder:
        tables = {
            "encoding": lambda: encoding(teacher, collection.corpus_texts[::step][: options.encode], options.pairs),
            "recall": lambda: recall(documents, queries, collection, folder),
            "latency": lambda: latency(documents, asked, folder, *options.rounds, with_qdrant=False),
            "latency 2,000": lambda: latency(documents[:2000], asked, folder, *options.rounds, with_qdrant=True),
            "growth": lambda: growth(documents, asked, folder, options.sizes),
            "approximate": lambda: approximate(documents, asked, folder, options.copies),
        }
        for name in options.rows:
            before = os.getloadavg()[0]
            table = tables[name]()
            document[name] = {"table": table, "load": [round(before, 1), round(os.getloadavg()[0], 1)], "note": options.note}
            document |= {"torch": torch.__version__, "python": platform.python_version(), "k": K, "teacher": teacher.fingerprint()}
            write_atomically(file, json.dumps(document, indent=1) + "\n")
            write_atomically(options.report, report(document))
    print(report(document))


if __name__ == "__main__":
    main()

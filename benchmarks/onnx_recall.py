"""What an ONNX export costs and saves: recall, size and latency of one query, in torch, in ONNX and in 8 bits, on one thread.

    python benchmarks/onnx_recall.py --student runs/optical-sw --teacher runs/teacher --suite ../shared/suite

The teacher's passages are encoded once and kept in a file (that of `benchmarks/swahili.py` will do: --passages).
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from swahili import passage_index

from hf_optical.data import load_retrieval
from hf_optical.data.files import write_atomically
from hf_optical.evaluation.retrieval import measured_on, score_run
from hf_optical.export import OnnxQueryEncoder, export_onnx
from hf_optical.models.pretrained import load_student, load_teacher


def latency(encode: Callable[[list[str]], Any], texts: list[str]) -> dict[str, float]:
    """Median milliseconds of one query, tokenisation included; each text alone, after ten to warm up.

    By the clock, and of the processor: the one that counts where others use the machine too.
    """
    for text in texts[:10]:
        encode([text])
    wall, cpu = [], []
    for text in texts:
        started = time.perf_counter(), time.process_time()
        encode([text])
        wall.append(1000 * (time.perf_counter() - started[0]))
        cpu.append(1000 * (time.process_time() - started[1]))
    return {"milliseconds": round(statistics.median(wall), 2), "cpu_milliseconds": round(statistics.median(cpu), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", required=True)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--suite", type=Path, default=Path("../shared/suite"))
    parser.add_argument("--language", default="sw")
    parser.add_argument("--passages", type=Path, default=Path("runs/benchmark-sw/passages.safetensors"))
    parser.add_argument("--report", type=Path, help="write the figures to this JSON file")
    parser.add_argument("--evaluation", type=Path, help="the student's folder evaluation/: write results there for its card")
    options = parser.parse_args()
    torch.set_num_threads(1)
    collection = load_retrieval(options.suite / "retrieval" / f"{options.language}-en", corpus=options.suite / "corpus.jsonl.gz")
    student, teacher = load_student(options.student), load_teacher(options.teacher)
    student.attach_teacher(teacher)
    index = passage_index(teacher, collection, options.passages, bf16=False)
    texts = [collection.queries[query] for query in collection.qrels if query in collection.queries]
    with tempfile.TemporaryDirectory() as folder:
        report = export_onnx(student, folder, int8=True)
        encoders: dict[str, tuple[Callable, int]] = {
            "torch": (student.encode_query, sum(p.numel() * p.element_size() for p in student.parameters())),
            "ONNX": (OnnxQueryEncoder(folder, threads=1).encode_query, report.files["onnx/model.onnx"]),
            "ONNX int8": (OnnxQueryEncoder(folder, int8=True, threads=1).encode_query, report.files["onnx/model_quantized.onnx"]),
        }
        rows = []
        for name, (encode, size) in encoders.items():
            embeddings = [torch.as_tensor(e) for e in encode(texts)]
            found = index.search(embeddings, 100)
            run = dict(zip([q for q in collection.qrels if q in collection.queries], found, strict=True))
            result = score_run(name, run, collection.qrels, k=[1, 10, 100])
            if options.evaluation and name != "torch":
                measured = replace(result, benchmark=measured_on(collection), fingerprint=report.fingerprint, export=name)
                measured.save(options.evaluation / f"{name.replace(' ', '-')}.json")
            rows.append({"encoder": name, "queries": result.queries, **result.metrics, "megabytes": round(size / 1e6, 1)})
            rows[-1] |= latency(encode, texts[:100])
            print(json.dumps(rows[-1]), flush=True)
    document = {
        "student": student.fingerprint(),
        "teacher": teacher.fingerprint(),
        "language": options.language,
        "passages": len(index),
        "difference": report.difference,
        "int8_cosine": report.int8_cosine,
        "machine": f"{platform.machine()}, 1 thread",
        "torch": torch.__version__,
        "rows": rows,
    }
    if options.report:
        write_atomically(options.report, json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()

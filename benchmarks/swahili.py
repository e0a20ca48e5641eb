"""One language, every loss, equal steps: the table of `benchmarks/swahili.md`.

    python benchmarks/swahili.py --teacher runs/teacher --suite ../shared/suite

Every student starts as a copy of the teacher and sees the same pairs in the same order. What is finished is not run again: delete
the output folder to start over. The data is read from the suite and not part of this repository.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from hf_optical.data import RetrievalCollection, load_retrieval
from hf_optical.data.files import write_atomically
from hf_optical.evaluation import RetrievalResult, results_table
from hf_optical.models import OpticalTeacherModel
from hf_optical.models.pretrained import load_student, load_teacher
from hf_optical.recipes.distill import distill
from hf_optical.recipes.evaluate import evaluate_students
from hf_optical.recipes.settings import DistillSettings
from hf_optical.search import ExactIndex
from hf_optical.training import OpticalTrainingArguments

# masked: only real tokens take part, in training and at query time; expanded: both sides filled up with [MASK], as in the paper
METHODS = {
    "mse": {"loss": "mse", "do_query_expansion": False},
    "greedy": {"loss": "greedy", "do_query_expansion": False},
    "optical (sinkhorn 0.05, masked)": {"loss": "optical", "epsilon": 0.05, "do_query_expansion": False},
    "optical (ipot, masked)": {"loss": "optical", "solver": "ipot", "do_query_expansion": False},
    "optical (sinkhorn 0.05, expanded)": {"loss": "optical", "epsilon": 0.05, "do_query_expansion": True},
}


def train(name: str, options: argparse.Namespace, suite: Path) -> dict[str, float]:
    """Distil one student, unless it is there; returns what the run took."""
    folder = options.output / "".join(c if c.isalnum() else "-" for c in name).strip("-")
    took = folder / "took.json"
    if took.exists():
        return json.loads(took.read_text()) | {"folder": str(folder)}
    method = dict(METHODS[name])
    settings = DistillSettings(
        teacher=str(options.teacher),
        bitext=[str(suite / "bitext" / f"{options.language}.tsv.gz")],
        language=options.language,
        query_length=options.query_length,
        do_query_expansion=method.pop("do_query_expansion"),
        resume=True,
    )
    args = OpticalTrainingArguments(
        output_dir=str(folder),
        max_steps=options.steps,
        learning_rate=options.learning_rate,
        per_device_train_batch_size=options.batch_size,
        lr_scheduler_type="linear",
        teacher_cache=str(options.output / "teacher-embeddings"),
        bf16=options.bf16,
        use_cpu=not torch.cuda.is_available(),
        save_steps=50,
        logging_steps=25,
        seed=options.seed,
        **method,
    )
    started = time.monotonic()
    distill(settings, args)
    metrics = json.loads((folder / "train_metrics.json").read_text())
    result = {"seconds": round(time.monotonic() - started), "train_seconds": round(metrics["train_runtime"])}
    write_atomically(took, json.dumps(result))
    return result | {"folder": str(folder)}


def passage_index(teacher: OpticalTeacherModel, collection: RetrievalCollection, file: Path, bf16: bool) -> ExactIndex:
    """The collection's documents, encoded once and kept in a file (float16) for the next call."""
    if not file.exists():
        with torch.autocast(teacher.device.type, torch.bfloat16, enabled=bf16):
            embeddings = teacher.encode_document(collection.corpus_texts, batch_size=32)
        lengths = torch.tensor([len(e) for e in embeddings])
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        save_file({"embeddings": torch.cat(embeddings).half(), "lengths": lengths}, partial, {"teacher": teacher.fingerprint()})
        partial.replace(file)
    with safe_open(file, framework="pt") as stored:
        fingerprint = stored.metadata()["teacher"]
        embeddings = stored.get_tensor("embeddings").float().split(stored.get_tensor("lengths").tolist())
    return ExactIndex(collection.corpus_ids, embeddings, fingerprint, collection.corpus_texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, default=Path("runs/teacher"))
    parser.add_argument("--suite", type=Path, default=Path("../shared/suite"))
    parser.add_argument("--language", default="sw")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmark-sw"))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--query-length", type=int, default=48)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME")
    parser.add_argument("--note", default="", help="a sentence on the machine, for the report")
    parser.add_argument("--report", type=Path, default=Path("benchmarks/swahili.md"))
    options = parser.parse_args()
    if not options.suite.is_dir():
        raise SystemExit(f"suite not found at {options.suite}: give its folder with --suite.")

    runs = {name: train(name, options, options.suite) for name in options.methods}
    collection = load_retrieval(options.suite / "retrieval" / f"{options.language}-en", corpus=options.suite / "corpus.jsonl.gz")
    teacher = load_teacher(str(options.teacher))
    students = [(name, load_student(run["folder"])) for name, run in runs.items()]
    index = passage_index(teacher, collection, options.output / "passages.safetensors", options.bf16)
    results = evaluate_students(students, teacher, collection, save_to=options.output / "evaluation", index=index)
    machine = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} thread(s)"
    document = {
        "language": options.language,
        "queries": results[0].queries,
        "passages": len(collection.corpus_ids),
        "steps": options.steps,
        "batch_size": options.batch_size,
        "learning_rate": options.learning_rate,
        "query_length": options.query_length,
        "seed": options.seed,
        "machine": machine,
        "note": options.note,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "teacher": teacher.fingerprint(),
        "pairs": json.loads((Path(next(iter(runs.values()))["folder"]) / "bitext_report.json").read_text()).get("rows_kept"),
        "runs": {name: {key: value for key, value in run.items() if key != "folder"} for name, run in runs.items()},
        "results": [result.to_dict() for result in results],
    }
    write_atomically(options.report.with_suffix(".json"), json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    write_atomically(options.report, report(document, results))
    print(results_table(results))


def report(document: dict, results: list[RetrievalResult]) -> str:
    """The Markdown page: what was run, the table, what it took."""
    took = "\n".join(f"| {name} | {run['train_seconds']} |" for name, run in document["runs"].items())
    d = document
    return f"""# {d["language"]}-en: every loss at equal steps

{d["queries"]} human queries, {d["passages"]:,} passages; recall in points, ± standard error over queries. {d["steps"]} steps of
{d["batch_size"]} pairs out of {d["pairs"]:,} sentence pairs (those that fit into {d["query_length"]} student and 32 teacher
tokens), peak learning rate {d["learning_rate"]}, seed {d["seed"]}, one run each: differences between losses within two
standard errors are no ranking. Teacher fingerprint `{d["teacher"]}`. Made by `python benchmarks/swahili.py`.

{results_table(results)}

Training time ({d["machine"]}, torch {d["torch"]}), the teacher's embeddings read from the cache. {d["note"]}

| run | seconds |
|---|---|
{took}
"""


if __name__ == "__main__":
    main()

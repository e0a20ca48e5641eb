"""`optical prepare | teach | distill | evaluate | search`: each command is one call into the package."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from .recipes.options import CommandParser, positive, question

_DESCRIPTION = """Give an English late-interaction retriever a front door in another language.

  optical prepare    clean sentence pairs, and count what was left out and why
  optical teach      train an English teacher
  optical distill    distil a student for your language from sentence pairs
  optical evaluate   recall of students beside BM25, zero-shot and the teacher
  optical search     ask a question in your language

`optical COMMAND --help` tells the options of each."""

USAGE_ERROR, INTERRUPTED, BROKEN_PIPE = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0 done, 2 bad input (one line on stderr), 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(_DESCRIPTION, file=sys.stdout if argv else sys.stderr)
        return 0 if argv else USAGE_ERROR
    if argv[0] == "--version":
        from . import __version__

        print(f"hf_optical {__version__}")
        return 0
    commands = {"prepare": _prepare, "teach": _teach, "distill": _distill, "evaluate": _evaluate, "search": _search}
    if argv[0] not in commands:
        from .data.errors import did_you_mean

        return _fail(f"unknown command {argv[0]!r}; {did_you_mean(argv[0], commands) or 'see `optical --help`'}")
    return run(commands[argv[0]], argv[1:])


def run(command: Callable[[list[str]], None], argv: list[str]) -> int:
    """Run with a log on stderr; what a person can mend becomes one line and exit code 2 (`OPTICAL_TRACEBACK=1`: a traceback)."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("hf_optical").setLevel(logging.INFO)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # five retries are no news; that all failed is in the error
    try:
        command(argv)
        sys.stdout.flush()
    except SystemExit as stop:
        return int(stop.code or 0)
    except KeyboardInterrupt:
        advice = ". Complete checkpoints are kept: the same command with --resume goes on from the last."
        return _fail("interrupted" + (advice if command in (_teach, _distill) else "."), INTERRUPTED)
    except BrokenPipeError:  # the reader (`head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (ValueError, OSError) as error:
        if os.environ.get("OPTICAL_TRACEBACK"):
            raise
        return _fail(str(error) or type(error).__name__)
    except MemoryError:
        return _fail("out of memory: lower the batch size or the number of texts.")
    except RuntimeError as error:
        # torch's own name for it, without importing torch to catch it
        if type(error).__name__ != "OutOfMemoryError":
            raise
        return _fail("out of GPU memory: lower the batch size, or use --bf16.")
    return 0


def _fail(message: str, code: int = USAGE_ERROR) -> int:
    print(f"optical: error: {' '.join(message.split())}" if code == USAGE_ERROR else f"optical: {message}", file=sys.stderr)
    return code


@contextlib.contextmanager
def _quiet_stdout() -> Iterator[None]:
    """Whatever libraries print goes to stderr: stdout holds the outcome and nothing else."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _prepare(argv: list[str]) -> None:
    parser = CommandParser(
        prog="optical prepare", description="Clean sentence pairs: normalise, filter, count every reject by its reason."
    )
    parser.add_argument("bitext", nargs="+", help="TSV, CSV, JSONL (gzip too), TMX, Moses prefix, or a dataset on the Hub")
    parser.add_argument("--language", required=True, help="ISO 639-1 code of the language, such as sw")
    parser.add_argument("--output", required=True, help="file to write: .tsv or .tsv.gz; the report goes beside it")
    parser.add_argument("--english-column", default="english", help="column of the English sentences (default: english)")
    parser.add_argument("--non-english-column", default="non_english", help="column of the others (default: non_english)")
    parser.add_argument("--split", default="train", help="split, of a Hub dataset (default: train)")
    parser.add_argument("--config", help="configuration, of a Hub dataset")
    parser.add_argument("--limit", type=positive, help="keep the first N good pairs only")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(argv)

    from .data import load_bitext
    from .recipes.output import check_table

    check_table(options.output, options.bitext)
    with _quiet_stdout():
        bitext = load_bitext(
            options.bitext,
            language=options.language,
            english_column=options.english_column,
            non_english_column=options.non_english_column,
            split=options.split,
            config=options.config,
            limit=options.limit,
        )
        bitext.write_tsv(options.output)
        report = options.output.removesuffix(".gz").removesuffix(".tsv") + ".report.json"
        bitext.report.save(report)
    if options.json:
        print(json.dumps(bitext.report.to_dict(), ensure_ascii=False))
    else:
        print(f"{bitext.report.table()}\n\n{len(bitext)} pairs written to {options.output}, the report to {report}")


def _teach(argv: list[str]) -> None:
    as_json, argv = _take_json(argv)
    from .recipes.parsing import parse
    from .recipes.settings import TeachSettings
    from .training import TeacherTrainingArguments

    description = """Train an English late-interaction teacher (ColBERT) on questions and passages.

  optical teach --encoder ENCODER --triples TRIPLES.jsonl --passages PASSAGES.jsonl --output runs/teacher"""
    settings, args = parse([TeachSettings, TeacherTrainingArguments], argv, prog="optical teach", description=description)
    with _quiet_stdout():
        from .recipes.teach import teach

        teacher = teach(settings, args)
        outcome = {"teacher": args.output_dir, "fingerprint": teacher.fingerprint()}
    next_command = f"optical distill --teacher {args.output_dir} --bitext PAIRS.tsv --language CODE --output runs/student"
    if args.process_index == 0:
        print(json.dumps(outcome) if as_json else f"teacher: {args.output_dir}\nnext: {next_command}")


def _distill(argv: list[str]) -> None:
    as_json, argv = _take_json(argv)
    from .recipes.parsing import parse
    from .recipes.settings import DistillSettings
    from .training import OpticalTrainingArguments

    description = """Distil a student query encoder for another language from sentence pairs, by optimal transport.

  optical distill --teacher runs/teacher --bitext PAIRS.tsv --language sw --output runs/optical-sw"""
    settings, args = parse([DistillSettings, OpticalTrainingArguments], argv, prog="optical distill", description=description)
    with _quiet_stdout():
        from .recipes.distill import distill

        student = distill(settings, args)
        outcome = {"student": args.output_dir, "languages": student.config.languages, "teacher": student.config.teacher}
    next_command = (
        f"optical search --student {args.output_dir} --teacher {settings.teacher} --passages PASSAGES.jsonl 'your question'"
    )
    if args.process_index == 0:
        print(json.dumps(outcome) if as_json else f"student: {args.output_dir}\nnext: {next_command}")


def _take_json(argv: list[str]) -> tuple[bool, list[str]]:
    return "--json" in argv, [argument for argument in argv if argument != "--json"]


def _evaluate(argv: list[str]) -> None:
    parser = CommandParser(prog="optical evaluate", description="Recall of students beside BM25, zero-shot and the teacher itself.")
    parser.add_argument("--student", nargs="*", default=[], help="students (folders or Hub names); none: the baselines alone")
    parser.add_argument("--teacher", required=True, help="their teacher, which encodes the documents")
    parser.add_argument("--benchmark", required=True, help="collection in BEIR layout: a folder or Hub name")
    parser.add_argument("--split", default="test", help="qrels/SPLIT.tsv (default: test)")
    parser.add_argument("--passages", help="corpus file, where it is not in the benchmark's folder")
    parser.add_argument("-k", type=positive, nargs="+", default=[1, 10, 100], help="cut-offs of recall (default: 1 10 100)")
    parser.add_argument("--batch-size", type=positive, default=32, help="documents encoded at a time (default: 32)")
    parser.add_argument("--no-baselines", action="store_true", help="leave out BM25, zero-shot and the English queries")
    parser.add_argument("--output", help="folder for TREC runs and the values of single queries")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(argv)

    with _quiet_stdout():
        from .data import load_retrieval
        from .evaluation import results_table
        from .recipes.evaluate import evaluate_students
        from .recipes.loading import load_student, load_teacher

        collection = load_retrieval(options.benchmark, split=options.split, corpus=options.passages)
        teacher = load_teacher(options.teacher)
        students = [(name, load_student(name)) for name in options.student]
        results = evaluate_students(
            students,
            teacher,
            collection,
            k=options.k,
            baselines=not options.no_baselines,
            batch_size=options.batch_size,
            save_to=options.output,
        )
    if options.json:
        print(json.dumps([result.to_dict() for result in results], ensure_ascii=False))
    else:
        print(results_table(results, [f"recall@{k}" for k in options.k]))


def _search(argv: list[str]) -> None:
    parser = CommandParser(prog="optical search", description="Ask a question in your language; English passages answer.")
    parser.add_argument("query", nargs="+", type=question, help="questions, each in quotes")
    parser.add_argument("--student", required=True, help="student: a folder or Hub name")
    parser.add_argument("--teacher", required=True, help="its teacher, which encodes the passages")
    parser.add_argument(
        "--passages", required=True, help="English passages: JSONL (_id, title, text), TSV, or a text file, one a line"
    )
    parser.add_argument("-k", type=positive, default=5, help="passages to show (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)

    with _quiet_stdout():
        from .data import load_passages
        from .recipes.loading import load_student, load_teacher
        from .search import ExactIndex

        ids, texts = load_passages(options.passages)
        student, teacher = load_student(options.student), load_teacher(options.teacher)
        student.attach_teacher(teacher)
        found = ExactIndex.build(teacher, ids, texts).search(student.encode_query(options.query), options.k)
        text_of = dict(zip(ids, texts, strict=True))
        answers = [
            {"query": query, "hits": [{"id": i, "score": score, "text": text_of[i]} for i, score in hits]}
            for query, hits in zip(options.query, found, strict=True)
        ]
    if options.json:
        print(json.dumps(answers, ensure_ascii=False))
        return
    for answer in answers:
        print(f"\n{answer['query']}")
        for rank, hit in enumerate(answer["hits"], 1):
            print(f"{rank:3}. {hit['score']:6.2f}  {hit['id']}  {hit['text'][:160]}")


if __name__ == "__main__":
    sys.exit(main())

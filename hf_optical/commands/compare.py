"""`optical compare`: every method side by side, with significance, from one configuration."""

from __future__ import annotations

import contextlib
import json
import logging
import sys

from ..recipes.options import CommandParser

logger = logging.getLogger(__name__)

SOME_FAILED = 1


def run(argv: list[str]) -> None:
    """Run what is not finished, write the report, and print its answer and short table (`--json`: all of its figures).

    Raises:
        SystemExit: with 1, after the report is written, if runs failed.
        ValueError, OSError: the configuration or the data is wrong, or the output folder holds runs of other settings.
    """
    parser = CommandParser(
        prog="optical compare",
        description="Run methods x languages x seeds, resume where it stopped, and report with intervals and significance. "
        "Several of this command at once share the runs.",
    )
    parser.add_argument("config", help="YAML file: teacher, languages, methods; see configs/compare.yaml")
    parser.add_argument("--languages", nargs="+", help="run these languages only")
    parser.add_argument("--methods", nargs="+", help="run these methods only")
    parser.add_argument("--seeds", nargs="+", type=_seed, help="seeds, instead of those of the configuration")
    parser.add_argument("--report-only", action="store_true", help="run nothing: report on what is finished")
    parser.add_argument("--rerun", action="store_true", help="run again what was made with other settings")
    parser.add_argument("--import-results", nargs="+", metavar="FILE", help="first take over what other machines have exported")
    parser.add_argument(
        "--export-results", metavar="FILE", help="write all results, with the values of single queries, into one file (.jsonl.gz)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(argv)

    failed: dict[str, str] = {}
    with contextlib.redirect_stdout(sys.stderr):
        from ..comparison.archive import export_results, import_results
        from ..comparison.config import load_config
        from ..comparison.report import short_table, write_report
        from ..comparison.runner import check_names, run_comparison

        config = load_config(options.config)
        check_names(config, options.languages, options.methods)
        if options.import_results:
            taken = import_results(config, options.import_results)
            counts = f"{taken.added} results imported, {taken.known} were there already"
            logger.info("%s, %d left out: no such method or language here", counts, taken.left_out)
            if beyond := set(taken.seeds) - set(options.seeds or ()):
                seeds = " ".join(map(str, sorted(beyond)))
                logger.warning("the configuration does not have the seeds %s: they are in the report with --seeds %s", seeds, seeds)
        if not options.report_only:
            outcome = run_comparison(
                config, languages=options.languages, methods=options.methods, seeds=options.seeds, rerun=options.rerun
            )
            failed = outcome.failed
            logger.info("%d runs made, %d were finished already", len(outcome.run), len(outcome.read))
        figures = write_report(config, options.seeds or ())
        if options.export_results:
            logger.info("%d results written to %s", export_results(config, options.export_results), options.export_results)
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        print(f"{figures['answer']['text']}\n\n{short_table(figures)}\n\nreport: {config.output / 'report.md'}")
    if failed:
        first = next(iter(failed))
        print(f"optical: {len(failed)} runs failed, the first is {first}: {failed[first]}", file=sys.stderr)
        raise SystemExit(SOME_FAILED)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)

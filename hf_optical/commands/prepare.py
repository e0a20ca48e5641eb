"""`optical prepare`: clean sentence pairs."""

from __future__ import annotations

import json

from ..recipes.options import CommandParser, positive
from .output import quiet_stdout


def run(argv: list[str]) -> None:
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

    from ..data import load_bitext
    from ..recipes.output import check_table

    check_table(options.output, options.bitext)
    with quiet_stdout():
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

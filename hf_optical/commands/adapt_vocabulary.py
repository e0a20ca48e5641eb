"""`optical adapt-vocabulary`: a student, yet to be distilled, with tokens for the words of its language."""

from __future__ import annotations

import json
import sys

from ..recipes.options import CommandParser, positive
from .output import quiet_stdout


def run(argv: list[str]) -> None:
    """Read the options, write the student with its report, and print the report.

    Raises:
        ValueError, OSError: an option, the model or the bitext is wrong, or the output folder cannot be written.
    """
    parser = CommandParser(
        prog="optical adapt-vocabulary",
        description="Give the frequent words of a language tokens of their own, started at their English translations.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--teacher", help="start from a copy of this English teacher: a folder or Hub name")
    source.add_argument("--student", help="or from this student")
    parser.add_argument(
        "--bitext", nargs="+", required=True, help="TSV, CSV, JSONL (gzip too), TMX, Moses prefix, or a dataset on the Hub"
    )
    parser.add_argument("--language", required=True, help="ISO 639-1 code of the language, such as sw")
    parser.add_argument("--output", required=True, help="folder for the student")
    parser.add_argument("--min-count", type=positive, default=2, help="how often a word must occur to be added (default: 2)")
    parser.add_argument("--max-words", type=positive, help="add only the N most frequent words")
    parser.add_argument("--subwords", type=positive, default=0, help="add N parts of words too (default: none)")
    parser.add_argument(
        "--restart",
        action="store_true",
        help="start words anew that are one token already (with --teacher this is done; not for multilingual encoders)",
    )
    parser.add_argument("--romanise", action="store_true", help="read letters of other scripts in Latin ones first")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(argv)

    from ..data.languages import check_non_english
    from ..recipes.output import check_output, save_finished

    language = check_non_english(options.language)
    check_output(options.output, resume=False, overwrite=False)
    with quiet_stdout():
        from ..data import load_bitext
        from ..data.files import atomic_write
        from ..models import OpticalStudentModel
        from ..models.pretrained import load_student, load_teacher
        from ..vocabulary import adapt_vocabulary, romanise

        if options.student:
            student = load_student(options.student)
            student.config.languages = list(dict.fromkeys([*student.config.languages, language]))
        else:
            student = OpticalStudentModel.from_teacher(load_teacher(options.teacher), languages=[language])
        bitext = load_bitext(options.bitext, language=language)
        if options.romanise and not romanise(student, (text for _, text in bitext.pairs())):
            print("nothing to romanise: all letters of the bitext are Latin.", file=sys.stderr)
        report = adapt_vocabulary(
            student,
            list(bitext.pairs()),
            min_count=options.min_count,
            max_words=options.max_words,
            subwords=options.subwords,
            restart=options.restart or None,
        )
        folder = save_finished(student, options.output)
        with atomic_write(folder / "vocabulary_report.json") as file:
            file.write((json.dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n").encode())
    if options.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False))
    else:
        print(f"{report.table()}\n\nstudent, yet to be distilled: {folder}\nnext: optical distill --student {folder} ...")

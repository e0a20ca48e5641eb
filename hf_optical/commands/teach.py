"""`optical teach`: train an English teacher."""

from __future__ import annotations

import json

from .output import quiet_stdout, take_json


def run(argv: list[str]) -> None:
    as_json, argv = take_json(argv)
    from ..recipes.parsing import parse
    from ..recipes.settings import TeachSettings
    from ..training import TeacherTrainingArguments

    description = """Train an English late-interaction teacher (ColBERT) on questions and passages.

  optical teach --encoder ENCODER --triples TRIPLES.jsonl --passages PASSAGES.jsonl --output runs/teacher"""
    settings, args = parse([TeachSettings, TeacherTrainingArguments], argv, prog="optical teach", description=description)
    with quiet_stdout():
        from ..recipes.teach import teach

        teacher = teach(settings, args)
        outcome = {"teacher": args.output_dir, "fingerprint": teacher.fingerprint()}
    next_command = f"optical distill --teacher {args.output_dir} --bitext PAIRS.tsv --language CODE --output runs/student"
    if args.process_index == 0:
        print(json.dumps(outcome) if as_json else f"teacher: {args.output_dir}\nnext: {next_command}")

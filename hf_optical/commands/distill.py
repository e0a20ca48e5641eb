"""`optical distill`: distil a student from sentence pairs."""

from __future__ import annotations

import json

from .output import quiet_stdout, take_json


def run(argv: list[str]) -> None:
    as_json, argv = take_json(argv)
    from ..recipes.parsing import parse
    from ..recipes.settings import DistillSettings
    from ..training import OpticalTrainingArguments

    description = """Distil a student query encoder for another language from sentence pairs, by optimal transport.

  optical distill --teacher runs/teacher --bitext PAIRS.tsv --language sw --output runs/optical-sw"""
    settings, args = parse([DistillSettings, OpticalTrainingArguments], argv, prog="optical distill", description=description)
    with quiet_stdout():
        from ..recipes.distill import distill

        student = distill(settings, args)
        outcome = {"student": args.output_dir, "languages": student.config.languages, "teacher": student.config.teacher}
    next_command = (
        f"optical search --student {args.output_dir} --teacher {settings.teacher} --passages PASSAGES.jsonl 'your question'"
    )
    if args.process_index == 0:
        print(json.dumps(outcome) if as_json else f"student: {args.output_dir}\nnext: {next_command}")

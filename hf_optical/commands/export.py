"""`optical export onnx MODEL --output DIR`."""

from __future__ import annotations

import contextlib
import json
import sys

from ..recipes.options import CommandParser


def run(argv: list[str]) -> None:
    """Run the command. Raises ValueError with one line for what a person can mend."""
    parser = CommandParser(
        prog="optical export",
        description="The query encoder of a student, or of a teacher for questions in English, as ONNX: for a browser or a server "
        "without torch.",
    )
    parser.add_argument("format", choices=["onnx"], help="onnx")
    parser.add_argument("model", help="student or teacher: a folder or Hub name")
    parser.add_argument("--output", required=True, help="folder to write to; that of the model is fine")
    parser.add_argument("--int8", action="store_true", help="also with weights of 8 bits: a quarter of the size")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(argv)

    with contextlib.redirect_stdout(sys.stderr):
        from ..export import export_onnx
        from ..models.pretrained import load_model

        report = export_onnx(load_model(options.model), options.output, int8=options.int8)
    if options.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False))
        return
    for name, size in report.files.items():
        print(f"{options.output}/{name}: {size / 1e6:.1f} MB")
    print(f"embeddings are torch's to {report.difference:.0e}")
    if report.int8_cosine is not None:
        print(f"int8: mean cosine {report.int8_cosine:.3f} with torch's on sample texts; measure recall before it is used")

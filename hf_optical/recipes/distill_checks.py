"""Settings of a distillation that do not go together: told before a model is loaded or data is read."""

from __future__ import annotations

from pathlib import Path

from ..data import DataError, check_language
from ..training import OpticalTrainingArguments
from .output import check_writable
from .settings import DistillSettings


def check_settings(settings: DistillSettings, args: OpticalTrainingArguments) -> None:
    """Look through all settings; the languages become codes.

    Raises:
        DataError: one is missing, out of range, or would have no effect beside the others.
        OSError: the cache cannot be written to.
    """
    for name in ("teacher", "bitext", "language"):
        if not getattr(settings, name):
            raise DataError(f"--{name} is missing", fix="see `optical distill --help`")
    if settings.limit is not None and settings.limit < 1:
        raise DataError(f"--limit is {settings.limit}", fix="give 1 or more, or leave it out for all pairs")
    if settings.eval_pairs < 0:
        raise DataError(f"--eval_pairs {settings.eval_pairs} is negative", fix="give 0 or more")
    if settings.eval_pairs and args.loss == "none":
        raise DataError("with --loss none nothing is measured on held-out pairs", fix="give --development instead of --eval_pairs")
    if args.ranking == "kl" and settings.ranking_documents < 2:
        raise DataError(f"--ranking_documents {settings.ranking_documents} leaves nothing to rank", fix="give 2 or more")
    settings.language = [check_language(code) for code in settings.language]
    _check_bitexts(settings)
    _check_side(settings, args)
    _check_effects(settings, args)
    if args.teacher_cache:
        try:
            check_writable(Path(args.teacher_cache))
        except OSError as error:
            raise OSError(f"--teacher_cache {args.teacher_cache} cannot be written to ({error.strerror}): give another.") from None


def _check_bitexts(settings: DistillSettings) -> None:
    """Raise DataError unless settings of pairs and languages go together."""
    languages, files = len(settings.language), len(settings.bitext)
    if languages > 1 and files != languages:
        problem = f"{languages} languages, but {files} bitexts"
        raise DataError(problem, fix="give one --bitext for each --language, in the same order (`optical prepare` joins files)")
    if settings.alignment and len(settings.alignment) != languages:
        problem = f"{len(settings.alignment)} alignments for {languages} languages"
        raise DataError(problem, fix="give one for each --language, in the same order, or none")
    for name in ("english_share", "code_switch"):
        if not 0.0 <= getattr(settings, name) <= 1.0:
            raise DataError(f"--{name} is {getattr(settings, name)}", fix="give a share between 0 and 1")


def _check_side(settings: DistillSettings, args: OpticalTrainingArguments) -> None:
    """Passages and recall are of queries: a student of documents neither learns from the ones nor is measured by the other."""
    if settings.side == "document" and args.ranking != "none":
        raise DataError("--ranking teaches queries, and --side document has none", fix="leave --ranking out, or use --side both")
    if settings.side != "query" and args.loss == "none":
        raise DataError(
            f"with --loss none the documents of --side {settings.side} learn nothing", fix="give a --loss, or --side query"
        )
    if settings.side == "document" and settings.development:
        problem = "--development asks queries, which --side document leaves to the teacher: its recall would never change"
        raise DataError(problem, fix="give --eval_pairs instead, and evaluate with `optical evaluate --task` afterwards")


def _check_effects(settings: DistillSettings, args: OpticalTrainingArguments) -> None:
    switched = settings.pairs != "bitext"
    needs = {
        "lexicon": ("--pairs switched or both", switched),
        "triples": ("--pairs switched or both", switched),
        "alignment": ("--adapt_vocabulary or --pairs switched", settings.adapt_vocabulary or switched),
        "passages": ("--ranking or --triples", args.ranking != "none" or settings.triples),
    }
    for name, (what, there) in needs.items():
        if getattr(settings, name) and not there:
            raise DataError(f"--{name} has no effect without {what}", fix="give both or neither")
    if settings.student:
        for name in ("encoder", "query_length", "do_query_expansion"):
            if getattr(settings, name) is not None:
                raise DataError(f"--{name} has no effect beside --student, which has its own", fix="leave it out")

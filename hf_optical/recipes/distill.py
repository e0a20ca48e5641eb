"""Distil a student from sentence pairs: `optical distill`, and what `train.py CONFIG.yaml` runs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import set_seed

from ..data import DataError, check_language, load_bitext, load_retrieval
from ..data.files import atomic_write
from ..models import OpticalStudentModel, OpticalTeacherModel
from ..training import OpticalTrainer, OpticalTrainingArguments
from ..training.base_trainer import without_progress_bars
from .loading import check_encoder, load_teacher
from .output import check_output, check_writable, prepare_output_once, save_finished
from .settings import DevelopmentSettings, DistillSettings
from .teach import development_collection, student_evaluator

if TYPE_CHECKING:
    from datasets import Dataset

    from ..data import Bitext, RetrievalCollection

logger = logging.getLogger(__name__)


def distill(settings: DistillSettings, args: OpticalTrainingArguments) -> OpticalStudentModel:
    """Distil a student and save it to `args.output_dir`, the report on its bitext beside it.

    Raises:
        DataError: a setting is missing, or the data is broken.
        FileExistsError, OSError: the output folder is in use or cannot be written.
        ValueError: the teacher or the encoder cannot be loaded, or arguments do not go together.
    """
    for name in ("teacher", "bitext", "language"):
        if not getattr(settings, name):
            raise DataError(f"--{name} is missing", fix="see `optical distill --help`")
    if settings.limit is not None and settings.limit < 1:
        raise DataError(f"--limit is {settings.limit}", fix="give 1 or more, or leave it out for all pairs")
    if settings.eval_pairs < 0:
        raise DataError(f"--eval_pairs {settings.eval_pairs} is negative", fix="give 0 or more")
    settings.language = check_language(settings.language)
    check_output(args.output_dir, resume=settings.resume, overwrite=settings.overwrite)
    if args.teacher_cache:
        try:
            check_writable(Path(args.teacher_cache))
        except OSError as error:
            raise OSError(f"--teacher_cache {args.teacher_cache} cannot be written to ({error.strerror}): give another.") from None
    # what is quick to be found wrong first: the models, then the data
    teacher = load_teacher(settings.teacher, settings.teacher_revision)
    set_seed(args.seed)
    with without_progress_bars():
        student = build_student(settings, teacher)
    collection = development_collection(settings)
    bitext = read_bitext(settings)
    train, held_out = bitext.dataset, None
    if settings.eval_pairs >= len(train):
        raise DataError(f"--eval_pairs {settings.eval_pairs} leaves nothing of {len(train)} pairs", fix="hold out fewer")
    if args.process_index == 0:
        logger.info("%s", bitext.report.table())
    if settings.eval_pairs:
        parts = train.train_test_split(test_size=settings.eval_pairs, seed=args.seed)
        train, held_out = parts["train"], parts["test"]
    train_student(student, teacher, args, train, held_out, collection, settings)
    if args.process_index == 0:
        bitext.report.save(Path(args.output_dir) / "bitext_report.json")
    return student


def read_bitext(settings: DistillSettings) -> Bitext:
    """The bitext of the settings, without the queries that it must not contain."""
    excluded = []
    for folder in settings.exclude:
        splits = sorted(file.stem for file in (Path(folder) / "qrels").glob("*.tsv")) or ["test"]
        for split in splits:
            collection = load_retrieval(folder, split=split, corpus=settings.development_passages)
            excluded += [*collection.query_texts, *collection.english.values()]
    return load_bitext(
        list(settings.bitext),
        language=settings.language,
        english_column=settings.english_column,
        non_english_column=settings.non_english_column,
        split=settings.bitext_split,
        config=settings.bitext_config,
        streaming=settings.bitext_streaming,
        limit=settings.limit,
        exclude=excluded,
    )


def build_student(settings: DistillSettings, teacher: OpticalTeacherModel) -> OpticalStudentModel:
    """An undistilled student: around the encoder of the settings, or a copy of the teacher."""
    own = {name: getattr(settings, name) for name in ("query_length", "do_query_expansion") if getattr(settings, name) is not None}
    if settings.encoder:
        check_encoder(settings.encoder)
        return OpticalStudentModel.from_encoder(settings.encoder, teacher, languages=[settings.language], **own)
    return OpticalStudentModel.from_teacher(teacher, languages=[settings.language], **own)


def train_student(
    student: OpticalStudentModel,
    teacher: OpticalTeacherModel,
    args: OpticalTrainingArguments,
    bitext: Dataset,
    held_out: Dataset | None = None,
    collection: RetrievalCollection | None = None,
    settings: DevelopmentSettings | None = None,
) -> OpticalStudentModel:
    """Distil a student that is built already, and save it.

    Args:
        settings: whether to resume in or overwrite the output folder; None: it is ready.
    """
    evaluator = student_evaluator(teacher, collection) if collection else None
    trainer = OpticalTrainer(student, teacher, args, bitext, held_out, retrieval_evaluator=evaluator)
    resume_from = settings and prepare_output_once(args, settings)
    outcome = trainer.train(resume_from_checkpoint=resume_from)
    if trainer.is_world_process_zero():
        folder = save_finished(student, args.output_dir)
        first = int(resume_from.rsplit("-", 1)[1]) if resume_from else 0
        if outcome.global_step > first:  # else nothing was trained, and what was measured before stands
            metrics = {"steps": outcome.global_step, "resumed_from_step": first, **outcome.metrics}
            with atomic_write(folder / "train_metrics.json") as file:
                file.write((json.dumps(metrics, indent=1) + "\n").encode())
        logger.info("student saved to %s", folder)
    trainer.accelerator.wait_for_everyone()
    return student

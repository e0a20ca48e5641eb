"""Distil a student from sentence pairs: `optical distill`, and what `train.py CONFIG.yaml` runs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from datasets import concatenate_datasets
from transformers import set_seed

from ..data import DataError, load_bitext, load_questions
from ..data.files import atomic_write
from ..hub.training_record import save_training_record, training_record
from ..lexicon import WordAlignment
from ..models import OpticalStudentModel, OpticalTeacherModel
from ..models.loading_optical import without_progress_bars
from ..models.pretrained import check_encoder, load_student, load_teacher
from ..training import OpticalTrainer, OpticalTrainingArguments
from ..vocabulary import adapt_vocabulary, romanise
from ..vocabulary.romanisation import share_not_latin
from .distill_checks import check_settings
from .output import check_output, prepare_output_once, save_finished
from .run_inputs import examples_digest
from .settings import DevelopmentSettings, DistillSettings
from .teach import development_collection, student_evaluator
from .training_data import build_training_data

if TYPE_CHECKING:
    from datasets import Dataset

    from ..data import Bitext, RetrievalCollection
    from ..training.embedding_cache import EmbeddingCache

logger = logging.getLogger(__name__)


def distill(settings: DistillSettings, args: OpticalTrainingArguments) -> OpticalStudentModel:
    """Distil a student and save it to `args.output_dir`, the report on its bitext beside it.

    Raises:
        DataError: a setting is missing, or the data is broken.
        FileExistsError, OSError: the output folder is in use or cannot be written.
        ValueError: the teacher or the encoder cannot be loaded, or arguments do not go together.
    """
    check_settings(settings, args)
    check_output(args.output_dir, resume=settings.resume, overwrite=settings.overwrite)
    # what is quick to be found wrong first: the models, then the data
    teacher = load_teacher(settings.teacher, settings.teacher_revision)
    set_seed(args.seed)
    with without_progress_bars():
        student = build_student(settings, teacher)
    collection = development_collection(settings)
    bitexts = read_bitexts(settings)
    train, held_out = concatenate_datasets([bitext.dataset for bitext in bitexts]), None
    if settings.eval_pairs >= len(train):
        raise DataError(f"--eval_pairs {settings.eval_pairs} leaves nothing of {len(train)} pairs", fix="hold out fewer")
    if args.process_index == 0:
        for bitext in bitexts:
            logger.info("%s", bitext.report.table())
    if settings.eval_pairs:
        parts = train.train_test_split(test_size=settings.eval_pairs, seed=args.seed)
        train, held_out = parts["train"], parts["test"]
    _read_scripts(settings, student, bitexts)
    alignments, vocabulary = adapt_vocabularies(settings, student, bitexts) if settings.adapt_vocabulary else (None, [])
    alignments = alignments or [None] * len(bitexts)
    data = build_training_data(settings, args, teacher, bitexts, train, alignments)
    reports = {bitext.language: bitext.report.to_dict() for bitext in bitexts}
    beside = {
        "bitext_report.json": next(iter(reports.values())) if len(reports) == 1 else reports,
        "training_data.json": data.report | {"vocabulary": vocabulary},
    }
    return train_student(student, teacher, args, data.examples, held_out, collection, settings, data.passages, beside)


def _read_scripts(settings: DistillSettings, student: OpticalStudentModel, bitexts: Sequence[Bitext]) -> None:
    """Romanise the student where it is asked for, and advise it where most letters are foreign to an English vocabulary."""
    texts = (text for bitext in bitexts for _, text in bitext.pairs())
    if settings.romanise:
        if not romanise(student, texts):
            logger.info("nothing to romanise: all letters of the bitext are Latin.")
    elif not (settings.encoder or settings.student) and (share := share_not_latin(islice(texts, 1000))) > 0.5:
        logger.info("%.0f %% of the letters are not Latin, and the teacher's vocabulary is English: try --romanise.", 100 * share)


def adapt_vocabularies(
    settings: DistillSettings, student: OpticalStudentModel, bitexts: Sequence[Bitext]
) -> tuple[list[WordAlignment], list[dict[str, object]]]:
    """Give each language's frequent words tokens of their own in the student; returns the alignments and the reports."""
    alignments, reports = [], []
    for i, bitext in enumerate(bitexts):
        pairs = list(bitext.pairs())
        alignments.append(WordAlignment.load(settings.alignment[i]) if settings.alignment else WordAlignment.fit(pairs))
        report = adapt_vocabulary(
            student,
            pairs,
            alignment=alignments[-1],
            min_count=settings.vocabulary_min_count,
            subwords=settings.vocabulary_subwords,
        )
        logger.info("%s: %s", bitext.language, report.table())
        reports.append({"language": bitext.language, **report.to_dict()})
    return alignments, reports


def read_bitexts(settings: DistillSettings) -> list[Bitext]:
    """The bitext of every language, without the queries that it must not contain."""
    if len(settings.language) == 1:
        return [read_bitext(settings, settings.language[0], settings.bitext)]
    return [read_bitext(settings, code, [file]) for code, file in zip(settings.language, settings.bitext, strict=True)]


def read_bitext(settings: DistillSettings, language: str, sources: Sequence[str]) -> Bitext:
    """The bitext of one language, without the queries that it must not contain."""
    excluded = [text for folder in settings.exclude for text in load_questions(folder)]
    return load_bitext(
        list(sources),
        language=language,
        english_column=settings.english_column,
        non_english_column=settings.non_english_column,
        split=settings.bitext_split,
        config=settings.bitext_config,
        streaming=settings.bitext_streaming,
        limit=settings.limit,
        exclude=excluded,
    )


def build_student(settings: DistillSettings, teacher: OpticalTeacherModel) -> OpticalStudentModel:
    """The student to train: one there is, a new one around the encoder of the settings, or a copy of the teacher.

    Raises:
        ValueError: there is no such model; the student is of another teacher or side.
    """
    own = {name: getattr(settings, name) for name in ("query_length", "do_query_expansion") if getattr(settings, name) is not None}
    own["side"] = settings.side
    if settings.student:
        student = load_student(settings.student)
        student.check_teacher(teacher.fingerprint(), teacher.name_or_path)
        if student.config.side != settings.side:
            raise DataError(
                f"--student {settings.student} encodes {student.config.side}, not {settings.side}", fix="give its --side"
            )
        student.config.languages = list(dict.fromkeys([*student.config.languages, *settings.language]))
        return student.attach_teacher(teacher)
    if settings.encoder:
        check_encoder(settings.encoder)
        return OpticalStudentModel.from_encoder(settings.encoder, teacher, languages=settings.language, **own)
    return OpticalStudentModel.from_teacher(teacher, languages=settings.language, **own)


def train_student(
    student: OpticalStudentModel,
    teacher: OpticalTeacherModel,
    args: OpticalTrainingArguments,
    bitext: Dataset,
    held_out: Dataset | None = None,
    collection: RetrievalCollection | None = None,
    settings: DevelopmentSettings | None = None,
    passages: EmbeddingCache | None = None,
    beside: Mapping[str, object] | None = None,
) -> OpticalStudentModel:
    """Distil a student that is built already, and save it.

    Args:
        passages: the teacher's embeddings of what the examples' `documents` number.
        beside: JSON files to save beside the model, by name: what is known of the data.
        settings: whether to resume in or overwrite the output folder; None: it is ready.
    """
    evaluator = student_evaluator(teacher, collection) if collection else None
    trainer = OpticalTrainer(student, teacher, args, bitext, held_out, retrieval_evaluator=evaluator, passages=passages)
    inputs = {"teacher": teacher.fingerprint(), "examples": len(bitext), "digest of the examples": examples_digest(bitext)}
    resume_from = settings and prepare_output_once(args, settings, inputs)
    outcome = trainer.train(resume_from_checkpoint=resume_from)
    if trainer.is_world_process_zero():
        folder = save_finished(student, args.output_dir)
        for name, content in (beside or {}).items():
            save_json(folder / name, content)
        first = int(resume_from.rsplit("-", 1)[1]) if resume_from else 0
        if outcome.global_step > first:  # else nothing was trained, and what was measured before stands
            used = len(trainer.train_dataset)
            metrics = {"steps": outcome.global_step, "resumed_from_step": first, "pairs_used": used, **outcome.metrics}
            save_json(folder / "train_metrics.json", metrics)
            record = {"pairs": used, "steps": outcome.global_step, "outcome": outcome.metrics}
            save_training_record(folder, training_record(args, settings, fingerprint=student.fingerprint(), **record))
        logger.info("student saved to %s", folder)
    trainer.accelerator.wait_for_everyone()
    if args.push_to_hub:
        trainer.push_to_hub()
    return student


def save_json(file: Path, content: object) -> None:
    """The file appears whole or not at all."""
    with atomic_write(file) as out:
        out.write((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())

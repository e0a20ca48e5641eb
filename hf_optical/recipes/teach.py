"""Train an English teacher: `optical teach`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from transformers import set_seed

from ..data import DataError, load_passages, load_retrieval, load_triples
from ..evaluation import evaluate_model
from ..hub.training_record import save_training_record, training_record
from ..models import OpticalPreTrainedModel, OpticalTeacherModel
from ..models.loading_optical import position_limit, without_progress_bars
from ..models.pretrained import check_encoder, load_teacher
from ..search import ExactIndex
from ..training import TeacherTrainer, TeacherTrainingArguments
from .output import check_output, prepare_output_once, save_finished
from .run_inputs import examples_digest
from .settings import DevelopmentSettings, TeachSettings

if TYPE_CHECKING:
    from datasets import Dataset

    from ..data import RetrievalCollection

logger = logging.getLogger(__name__)

# What `--teacher` decides.
_OF_NEW_TEACHERS = ("embedding_dim", "do_query_expansion", "attend_to_expansion_tokens")

Evaluator = Callable[[OpticalPreTrainedModel], dict[str, float]]


def teach(settings: TeachSettings, args: TeacherTrainingArguments) -> OpticalTeacherModel:
    """Train a teacher and save it to `args.output_dir`.

    Raises:
        DataError: a setting is missing, or the data is broken.
        FileExistsError, OSError: the output folder is in use or cannot be written.
        ValueError: the encoder cannot be loaded, or arguments do not go together.
    """
    if bool(settings.encoder) == bool(settings.teacher):
        what = "both --encoder and --teacher are given" if settings.encoder else "--encoder is missing"
        raise DataError(what, fix="give the encoder to start from, or the teacher to train further")
    if not settings.triples:
        raise DataError("--triples is missing", fix="see `optical teach --help`")
    own = [name for name in _OF_NEW_TEACHERS if getattr(settings, name) != TeachSettings.__dataclass_fields__[name].default]
    if settings.teacher and own:
        raise DataError(f"--{own[0]} has no effect on a teacher to train further", fix="leave it out: the teacher keeps its own")
    if settings.skip < 0:
        raise DataError(f"--skip is {settings.skip}", fix="give 0 or more")
    if settings.limit is not None and settings.limit < 1:
        raise DataError(f"--limit is {settings.limit}", fix="give 1 or more, or leave it out for all triples")
    check_output(args.output_dir, resume=settings.resume, overwrite=settings.overwrite)
    if settings.encoder:
        check_encoder(settings.encoder)
    set_seed(args.seed)
    teacher = load_teacher(settings.teacher) if settings.teacher else new_teacher(settings)
    limit = position_limit(teacher.backbone)
    for name, length in _lengths(settings).items():
        if limit is not None and length > limit:
            raise DataError(f"--{name} {length} is more than the {limit} tokens that the encoder can take", fix="give less")
        setattr(teacher.config, name, length)
    collection = development_collection(settings)
    if collection:
        teacher_evaluator(collection)  # refuses what it cannot ask
    corpus = dict(zip(*load_passages(settings.passages), strict=True)) if settings.passages else None
    triples = load_triples(settings.triples, corpus)
    stop = len(triples) if settings.limit is None else min(settings.skip + settings.limit, len(triples))
    if settings.skip >= stop:
        raise DataError(f"--skip {settings.skip} leaves nothing of {len(triples)} triples", fix="skip fewer")
    return train_teacher(teacher, args, triples.select(range(settings.skip, stop)), collection, settings)


def new_teacher(settings: TeachSettings) -> OpticalTeacherModel:
    """An untrained teacher around the encoder of the settings."""
    with without_progress_bars():
        return OpticalTeacherModel.from_encoder(
            settings.encoder,
            embedding_dim=settings.embedding_dim,
            **_lengths(settings),
            do_query_expansion=settings.do_query_expansion,
            attend_to_expansion_tokens=settings.attend_to_expansion_tokens,
        )


def _lengths(settings: TeachSettings) -> dict[str, int]:
    return {name: length for name in ("query_length", "document_length") if (length := getattr(settings, name)) is not None}


def train_teacher(
    teacher: OpticalTeacherModel,
    args: TeacherTrainingArguments,
    triples: Dataset,
    collection: RetrievalCollection | None = None,
    settings: DevelopmentSettings | None = None,
) -> OpticalTeacherModel:
    """Train a teacher that is built already, and save it.

    Args:
        settings: whether to resume in or overwrite the output folder; None: it is ready.
    """
    evaluator = teacher_evaluator(collection) if collection else None
    trainer = TeacherTrainer(teacher, args, triples, retrieval_evaluator=evaluator)
    inputs = {"examples": len(triples), "digest of the examples": examples_digest(triples)}
    resume_from = settings and prepare_output_once(args, settings, inputs)
    outcome = trainer.train(resume_from_checkpoint=resume_from)
    if trainer.is_world_process_zero():
        folder = save_finished(teacher, args.output_dir)
        if not resume_from or outcome.global_step > int(resume_from.rsplit("-", 1)[1]):
            record = {"pairs": len(triples), "steps": outcome.global_step, "outcome": outcome.metrics}
            save_training_record(folder, training_record(args, settings, fingerprint=teacher.fingerprint(), **record))
        logger.info("teacher saved to %s", args.output_dir)
    trainer.accelerator.wait_for_everyone()
    if args.push_to_hub:
        trainer.push_to_hub()
    return teacher


def development_collection(settings: DevelopmentSettings) -> RetrievalCollection | None:
    """The collection to evaluate on during training, if one is given."""
    if not settings.development:
        return None
    return load_retrieval(settings.development, split=settings.development_split, corpus=settings.development_passages)


def teacher_evaluator(collection: RetrievalCollection) -> Evaluator:
    """English recall of a teacher in training: its documents change with every step, so they are encoded anew.

    The queries are English versions where the collection has them, else its queries themselves.

    Raises:
        DataError: some queries have an English version, and others have not.
    """
    without = [query for query in collection.query_ids if query not in collection.english]
    if collection.english and without:
        problem = f"{len(without)} of {len(collection.query_ids)} queries have no English version, the first is {without[0]}"
        raise DataError(problem, path=collection.name, fix="give one to each of them, or to none where all are in English")

    def evaluate(model: OpticalPreTrainedModel) -> dict[str, float]:
        index = ExactIndex.build(model, collection.corpus_ids, collection.corpus_texts)
        return evaluate_model(model, index, collection, english=not without).metrics

    return evaluate


def student_evaluator(teacher: OpticalTeacherModel, collection: RetrievalCollection) -> Evaluator:
    """Recall of a student in training over the teacher's documents, which are encoded once."""
    index = ExactIndex.build(teacher, collection.corpus_ids, collection.corpus_texts)

    def evaluate(model: OpticalPreTrainedModel) -> dict[str, float]:
        return evaluate_model(model, index, collection).metrics

    return evaluate

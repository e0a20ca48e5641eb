"""The main job on the embedded sample: teacher and student from scratch, in minutes, without a network."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from accelerate import PartialState
from transformers import set_seed

from ..data.sample_data import sample_bitext, sample_collection, sample_triples
from ..evaluation import RetrievalResult
from ..models import OpticalStudentConfig, OpticalStudentModel, OpticalTeacherConfig, OpticalTeacherModel
from ..models.scratch import scratch_config, train_tokenizer
from ..training import OpticalTrainingArguments, TeacherTrainingArguments
from .distill import train_student
from .evaluate import evaluate_students
from .output import prepare_output
from .teach import train_teacher

logger = logging.getLogger(__name__)


def run_sample(
    output: str | Path = "runs", *, overwrite: bool = True, teacher_steps: int = 150, student_steps: int = 1500, seed: int = 13
) -> list[RetrievalResult]:
    """Train a teacher and a Swahili student on the sample, save both below `output`, and evaluate on its 120 test questions.

    Args:
        output: `OUTPUT/sample-teacher` and `OUTPUT/sample-sw` are written.
        overwrite: replace an earlier run's.
        teacher_steps, student_steps: training steps.
        seed: of the weights and of the order of the data.
    """
    started = time.monotonic()
    teacher_folder, student_folder = Path(output) / "sample-teacher", Path(output) / "sample-sw"
    with PartialState().main_process_first():
        for folder in (teacher_folder, student_folder):
            prepare_output(folder, resume=False, overwrite=overwrite)
    test, bitext, triples = sample_collection("test"), sample_bitext().dataset, sample_triples()
    logger.info("sample: %d passages, %d sentence pairs, %d test questions", len(test.corpus_ids), len(bitext), len(test.query_ids))
    set_seed(seed)
    common = {"save_strategy": "no", "lr_scheduler_type": "linear", "logging_steps": 50, "seed": seed}

    english = [*test.corpus_texts, *triples["query"], *bitext["english"]]
    teacher = _from_scratch(OpticalTeacherModel, OpticalTeacherConfig, english)
    teacher_args = TeacherTrainingArguments(
        output_dir=str(teacher_folder),
        max_steps=teacher_steps,
        learning_rate=5e-4,
        per_device_train_batch_size=32,
        negatives=0,  # two thirds of the examples have none: the other passages of the batch do
        **common,
    )
    train_teacher(teacher, teacher_args, triples)

    set_seed(seed)  # again, so that the student does not depend on how the teacher was trained
    # a student with a vocabulary of its own: transport needs no common tokens
    student = _from_scratch(OpticalStudentModel, OpticalStudentConfig, bitext["non_english"], languages=["sw"])
    student.record_teacher(teacher)
    student_args = OpticalTrainingArguments(
        output_dir=str(student_folder),
        max_steps=student_steps,
        learning_rate=1e-3,
        per_device_train_batch_size=64,
        epsilon=0.02,  # best of three on the 40 dev questions, one run each: not more than a guess
        teacher_cache=str(teacher_folder / "bitext-embeddings"),
        **common,
    )
    train_student(student, teacher, student_args, bitext)
    results = evaluate_students([("student (optical)", student)], teacher, test, save_to=student_folder / "evaluation")
    logger.info("teacher, student and evaluation took %.0f s", time.monotonic() - started)
    return results


def _from_scratch(model: type, config: type, texts: list[str], **settings: object) -> OpticalTeacherModel | OpticalStudentModel:
    tokenizer = train_tokenizer(texts, vocab_size=3000)
    backbone = scratch_config(len(tokenizer), hidden_size=128, layers=2)
    built = model(config(backbone_config=backbone, embedding_dim=128, document_length=128, do_query_expansion=False, **settings))
    return built.with_tokenizer(tokenizer)

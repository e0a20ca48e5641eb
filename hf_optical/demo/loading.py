"""Models, index and examples as the settings name them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ..models import OpticalStudentModel, OpticalTeacherModel
from ..models.pretrained import load_student, load_teacher
from ..search import DiskIndex, ExactIndex
from ..search.opening import open_index
from .engine import DemoEngine
from .examples import read_examples, sample_examples
from .languages import names_by_language
from .sample import prepare_sample
from .settings import DemoSettings

logger = logging.getLogger(__name__)

# Of the time of a first start the sample's training takes this part.
_SAMPLE_PART = 0.95


def load_engine(settings: DemoSettings, progress: Callable[[float, str], None] = lambda part, text: None) -> DemoEngine:
    """The engine of the settings: models and index are read, and those of the embedded sample trained if they are not there.

    Args:
        progress: told the part done, 0 to 1, and what is being done.

    Raises:
        ValueError, OSError: a model or the index is not there, or they do not belong together; BM25 or spelling variants are
            wanted and the texts of the index are on a server.
    """
    torch.set_num_threads(settings.threads)
    students, index_place, teacher_place = dict(settings.students), settings.index, settings.teacher
    if settings.uses_sample:
        sample = prepare_sample(settings.cache, lambda part, text: progress(_SAMPLE_PART * part, text))
        students, index_place, teacher_place = {"sw": str(sample.student)}, str(sample.index), str(sample.teacher)
    progress(0.96, "opening the index")
    index = open_index(index_place)
    loaded = {}
    for name, place in students.items():
        progress(0.97, f"loading student {name}")
        loaded[name] = load_student(place)
    progress(0.98, "loading the teacher")
    teacher = find_teacher(teacher_place, list(loaded.values()), index)
    examples = sample_examples() if settings.uses_sample else {}
    if settings.examples:
        examples = read_examples(Path(settings.examples), default_language=next(iter(names_by_language(loaded))))
    if settings.lexical_weight or settings.spelling_variants:
        progress(0.99, "reading the words of the passages")
    engine = DemoEngine(loaded, index, teacher, settings=settings, examples=examples, sources=students)
    engine.warm_up()
    progress(1.0, "ready")
    return engine


def find_teacher(place: str, students: Sequence[OpticalStudentModel], index: ExactIndex | DiskIndex) -> OpticalTeacherModel | None:
    """The teacher that is asked for, else the one that a student or the index remembers; None if it cannot be had.

    What is remembered is taken from the Hub only with a revision, and else only where there is such a folder.
    """
    if place:
        teacher = load_teacher(place)
        index.check_model(teacher)
        return teacher
    records = [student.config.teacher or {} for student in students]
    remembered = [(record.get("name_or_path"), record.get("revision")) for record in records]
    for name, revision in dict.fromkeys([*remembered, (index.teacher_name, None)]):
        # without a revision it is a folder of where it was trained: a repository of that name would be somebody else's
        if not name or not (revision or Path(name).is_dir()):
            continue
        try:
            teacher = load_teacher(name, revision)
            index.check_model(teacher)
        except (ValueError, OSError) as error:
            logger.debug("%s", " ".join(str(error).split()))
        else:
            return teacher
    logger.warning("the teacher was not found: no English, no comparison with zero-shot, no alignment; give --teacher")
    return None

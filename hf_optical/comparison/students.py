"""The students among the methods: `optical distill` with the settings of the method, in the folder of the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import ComparisonConfig
from .jobs import Job
from .materials import Materials
from .methods import Method

if TYPE_CHECKING:
    from ..models import OpticalStudentModel

# Unless the configuration says otherwise; no figure depends on them.
_DEFAULTS = {"disable_tqdm": ("true",), "save_total_limit": ("1",)}


def student_for(job: Job, materials: Materials) -> tuple[OpticalStudentModel, dict[str, Any]]:
    """The trained student of a job, and what its training took. Goes on where an interrupted training stopped.

    Returns:
        The student on the device of the teacher; `steps` and `train_seconds`, since the last resumption if there was one.
    """
    from ..models.pretrained import load_student

    folder = job.folder / "student"
    if not is_trained(job):
        _distil(job, materials, folder)
    file = folder / "train_metrics.json"
    metrics = json.loads(file.read_text()) if file.is_file() else {}  # killed between the two: what it took is not known
    took = {name: metrics[name] for name in ("steps", "resumed_from_step", "pairs_used") if metrics.get(name)}
    if "train_runtime" in metrics:
        took["train_seconds"] = round(metrics["train_runtime"], 1)
    return load_student(str(folder)).to(materials.device), took


def is_trained(job: Job) -> bool:
    """Whether the student of a job is there."""
    return (job.folder / "student" / "config.json").is_file()  # the last file of a finished student


def discard(job: Job, *, keep_models: bool) -> None:
    """Remove what the results no longer need: checkpoints, and the model itself unless it is kept."""
    for folder in (job.folder / "student", job.folder / "translator"):
        for unneeded in folder.glob("checkpoint-*") if keep_models else [folder]:
            shutil.rmtree(unneeded, ignore_errors=True)


def training_data(config: ComparisonConfig, method: Method) -> dict[str, str]:
    """The English triples and passages that a method trains on, by the name of the setting; {} for distillation from bitext alone.

    Triples are for code-switched queries, passages for these (they name them by id) and for a loss on passages.
    """
    ranking = method.option("ranking", "none")
    wanted = {"triples": config.triples} if method.is_switched and method.use_triples else {}
    if ranking != "none" or wanted:
        wanted["passages"] = config.passages
    return {name: path for name, path in wanted.items() if path}


def _distil(job: Job, materials: Materials, folder: Path) -> None:
    from ..recipes.distill import distill

    config, method = materials.config, job.method
    languages = [config.languages[name] for name in job.train_languages]
    extra = {
        "teacher": (config.teacher,),
        "bitext": tuple(str(materials.bitext(language.name, job.limit).path) for language in languages),
        "language": tuple(language.code for language in languages),
        "output_dir": (str(folder),),
        "resume": ("true",),
        "seed": (str(job.seed),),
        **{name: (path,) for name, path in training_data(config, method).items()},
    }
    if method.is_switched:
        files = [materials.lexicon_file(language.name, job.limit, method.lexicon) for language in languages]
        extra["lexicon"] = tuple(str(file) for file in files)
    if method.option("adapt_vocabulary").lower() == "true":
        extra["alignment"] = tuple(str(materials.alignment_file(language.name, job.limit)) for language in languages)
    defaults = {**_DEFAULTS, "teacher_cache": (str(config.output / "teacher-embeddings"),)}
    extra |= {name: value for name, value in defaults.items() if name not in method.settings}
    settings, args = method.train_settings(extra)
    distill(settings, args)

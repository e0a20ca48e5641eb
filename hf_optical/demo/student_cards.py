"""What is known of the demo's students: their cards, or what was measured of one that has none yet."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import EvalResult, ModelCard, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from huggingface_hub.repocard_data import ModelCardData

from ..data.hub import is_hub_name
from ..hub.result_files import read_results
from ..hub.results import choose_results, eval_results
from ..models.loading_optical import hub_commit

if TYPE_CHECKING:
    from ..models import OpticalPreTrainedModel
    from .engine import DemoEngine

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudentCard:
    """What the card of a student says.

    Attributes:
        language: as shown. name: folder's or repository's name. text: of README.md, None where there is none.
        repository: on the Hub, "" if it is a folder.
        measured: of a folder without a card, what its evaluation found.
    """

    language: str
    name: str
    text: str | None = None
    repository: str = ""
    measured: tuple[EvalResult, ...] = ()

    def data(self) -> ModelCardData:
        """The metadata; empty where it is missing or damaged."""
        if not (self.text or "").lstrip().startswith("---"):
            return ModelCardData()
        try:
            return ModelCard(self.text, ignore_metadata_errors=True).data
        except Exception as error:  # whatever a YAML parser or a card of the future may raise: the demo does not fall over it
            logger.info("card of %s: %s", self.name, " ".join(str(error).split()))
            return ModelCardData()

    def results(self) -> list[EvalResult]:
        """Of the model-index, or of the evaluation where there is no card; those with a number."""
        found = list(self.measured) if self.text is None else self.data().eval_results
        usable = found if isinstance(found, list) else []
        return [r for r in usable if isinstance(r.metric_value, int | float) and math.isfinite(r.metric_value)]


def student_cards(engine: DemoEngine) -> list[StudentCard]:
    """The cards of the students of an engine; of a Hub's repository, its README.md as it was or can be fetched.

    A folder that was not pushed has no card: there it is what the evaluation left in it, as far as a card would show it.
    """
    names = {choice.code: choice.label for choice in engine.languages()}
    cards = []
    for code, student in engine.students.items():
        source = engine.sources.get(code) or str(student.name_or_path or "")
        local = Path(source).is_dir()
        repository = source if not local and is_hub_name(source) else ""
        text = _read(Path(source) / "README.md") if local else _fetch(repository, hub_commit(repository, {}))
        measured = _measured(Path(source), student) if local and text is None else ()
        cards.append(StudentCard(names.get(code, code), repository or Path(source).name or code, text, repository, measured))
    return cards


def _measured(folder: Path, student: OpticalPreTrainedModel) -> tuple[EvalResult, ...]:
    """Results in `evaluation/` that are of these very weights; none if there are no files, or damaged ones."""
    try:
        found = read_results(folder)
        if not found:
            return ()
        teacher = (getattr(student.config, "teacher", None) or {}).get("fingerprint") or ""
        own = choose_results(found, "student", student.fingerprint(), teacher).own
        return tuple(eval_results(own, getattr(student.config, "languages", None) or []))
    except Exception as error:  # whatever lies there: the demo does not fall over it
        logger.info("results of %s: %s", folder.name, " ".join(str(error).split()))
        return ()


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _fetch(repository: str, revision: str | None) -> str | None:
    """README.md of the repository that the student came from; None if it cannot be had."""
    if not repository:
        return None
    try:
        return _read(Path(hf_hub_download(repository, "README.md", revision=revision)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        logger.info("card of %s: %s", repository, " ".join(str(error).split()))
        return None

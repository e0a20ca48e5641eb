"""The translators among the methods: names only, word by word, and a sequence-to-sequence model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from .jobs import Job
from .materials import Materials
from .seq2seq_settings import seq2seq_options

if TYPE_CHECKING:
    from collections.abc import Sequence


class Translator(Protocol):
    """Turns queries into English."""

    name: str

    def translate(self, texts: Sequence[str]) -> list[str]: ...


def build_translator(job: Job, language: str, materials: Materials) -> Translator:
    """The translator of a run; one that is trained is kept in the run's folder and read from there."""
    method = job.method
    if method.system == "names_only":
        from ..lexicon import words
        from ..translation import NamesOnly

        return NamesOnly({word for text in materials.collection(language).corpus_texts for word in words(text)})
    if method.system.startswith("word_by_word"):
        from ..translation import WordByWord

        alignment = None if method.lexicon == "files" else materials.alignment(language, job.limit)
        return WordByWord(alignment, lexicon=None if method.lexicon == "induced" else materials.lexicon(language))
    return _loaded(job, language, materials) if "model" in method.settings else _trained(job, language, materials)


def training_metrics(job: Job) -> dict[str, Any]:
    """What the training of a translator took."""
    file = job.folder / "translator" / "train_metrics.json"
    metrics = json.loads(file.read_text()) if file.is_file() else {}
    found = {"train_seconds": round(metrics["train_runtime"], 1)} if "train_runtime" in metrics else {}
    return found | {name: metrics[name] for name in ("steps", "pairs_used") if name in metrics}


def _loaded(job: Job, language: str, materials: Materials) -> Translator:
    from ..translation import Seq2SeqTranslator

    options = _options(job)
    options.setdefault("source_language", materials.config.languages[language].code)
    return Seq2SeqTranslator.from_pretrained(options.pop("model"), device=str(materials.device), **options)


def _trained(job: Job, language: str, materials: Materials) -> Translator:
    from ..translation import train_translator

    return train_translator(
        materials.bitext(language, job.limit).read(),
        job.folder / "translator",
        language=materials.config.languages[language].code,
        seed=job.seed,
        resume=True,
        show_progress_bar=False,
        **_options(job),
    )


def _options(job: Job) -> dict[str, Any]:
    types = seq2seq_options(trained="model" not in job.method.settings)
    return {name: _converted(texts[0], types[name]) for name, texts in job.method.settings.items()}


def _converted(text: str, kind: type) -> Any:
    return text.lower() == "true" if kind is bool else kind(text)

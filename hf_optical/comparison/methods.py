"""The methods of a comparison: what system each is, and the settings in which a student differs from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..data.errors import DataError

if TYPE_CHECKING:
    from ..recipes.settings import DistillSettings
    from ..training import OpticalTrainingArguments


class System(NamedTuple):
    """What a method can be.

    Attributes:
        title: name in tables, where the method has none.
        trained: by gradient descent, with a seed.
        bitext: learns from sentence pairs, so that it has a `limit` or `sizes`.
        english: is given the human English versions of the queries: a ceiling, no competitor.
    """

    title: str
    trained: bool = False
    bitext: bool = False
    english: bool = False


SYSTEMS = {
    "bm25": System("BM25, untranslated"),
    "bm25_ngrams": System("BM25 of 4-grams, untranslated"),
    "bm25_english": System("BM25, English queries", english=True),
    "teacher_english": System("teacher, English queries", english=True),
    "zero_shot": System("zero-shot (teacher, untranslated)"),
    "names_only": System("names and digits only"),
    "word_by_word": System("word-by-word translation, teacher", bitext=True),
    "word_by_word_bm25": System("word-by-word translation, BM25", bitext=True),
    "seq2seq": System("translate-test, teacher", trained=True, bitext=True),
    "student": System("", trained=True, bitext=True),
    "fusion": System(""),
}

# Another method's rankings, joined with BM25's or made with spelling variants: trained, English and so on as that is.
FUSION = "fusion"

# What retention is measured against: a row of every table.
CEILING = "teacher_english"


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        name, title: in the configuration, in tables.
        system: see `SYSTEMS`.
        settings: of a student: every training setting that is not a default, as flags `name -> texts`; the others' options.
        seeds, languages: None: those of the comparison.
        sizes: pairs of bitext to use; None is all. One run each.
        train_languages: of one student for several languages; None: one student for each language.
        leave_one_out: each language's student is trained on all others.
        lexicon: what words are translated by: `induced` from the bitext, the language's `files`, or `both`.
        use_triples: a code-switched student is trained on the queries of the triples; else on the English side of its bitext.
        line: where it is configured.
        base: the method that a fusion is made of.
    """

    name: str
    title: str
    system: str
    settings: Mapping[str, tuple[str, ...]]
    seeds: tuple[int, ...] | None = None
    languages: tuple[str, ...] | None = None
    sizes: tuple[int | None, ...] = (None,)
    train_languages: tuple[str, ...] | None = None
    leave_one_out: bool = False
    lexicon: str = "induced"
    use_triples: bool = True
    line: int = 0
    base: Method | None = None

    @property
    def is_trained(self) -> bool:
        """Whether its own run trains anything."""
        return SYSTEMS[self.system].trained and "model" not in self.settings

    @property
    def root(self) -> Method:
        """What a fusion is made of in the end; of what is none, the method itself."""
        return self.base.root if self.base else self

    @property
    def has_seeds(self) -> bool:
        return self.root.is_trained

    @property
    def is_english(self) -> bool:
        """Whether it is given the human English versions of the queries."""
        return SYSTEMS[self.root.system].english

    @property
    def is_switched(self) -> bool:
        """Whether it is trained on code-switched English."""
        return self.system == "student" and self.option("pairs", "bitext") != "bitext"

    @property
    def main_size(self) -> int | None:
        """The number of pairs that the tables are about: all, or the most."""
        return None if None in self.sizes else max(self.sizes)

    def option(self, name: str, default: str = "") -> str:
        """The one value of a setting, as text."""
        return self.settings.get(name, (default,))[0]

    def train_settings(self, extra: Mapping[str, Sequence[str]] | None = None) -> tuple[DistillSettings, OpticalTrainingArguments]:
        """What a student is trained with; `extra` wins over the settings."""
        return parse_settings({**self.settings, **(extra or {})})


def parse_settings(settings: Mapping[str, Sequence[str]]) -> tuple[Any, ...]:
    """`DistillSettings` and `OpticalTrainingArguments` of these texts, each converted to the type of its field.

    Raises:
        DataError, ValueError: an unknown setting, or a value that does not fit.
    """
    from ..recipes.parsing import parse
    from ..recipes.settings import DistillSettings
    from ..training import OpticalTrainingArguments

    flags: list[str] = []
    for name, texts in settings.items():
        flags += [f"--{name}={texts[0]}"] if len(texts) == 1 else [f"--{name}", *texts] if texts else []
    try:
        return parse([DistillSettings, OpticalTrainingArguments], flags, prog="optical distill", description="")
    except SystemExit as stop:  # `help` is no setting, but the parser prints and leaves
        raise DataError("not a training setting") from stop

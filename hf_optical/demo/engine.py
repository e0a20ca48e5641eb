"""All that the demo asks of the models, without any user interface."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..models import OpticalPreTrainedModel, OpticalTeacherModel
from ..search import DiskIndex, ExactIndex, Hit, Searcher
from ..search.engine_error import EngineError
from ..search.fusion import RANK_CONSTANT
from ..search.lexical_side import lexical_index
from ..search.spelling_variants import Respelling, spelling_variants
from ..search.token_spans import query_spans
from .errors import DemoError
from .examples import Example
from .glosses import Gloss, glosses_of
from .languages import LanguageChoice, language_choice, names_by_language
from .settings import DemoSettings

logger = logging.getLogger(__name__)

ENGLISH = "en"
STUDENT, ZERO_SHOT, TEACHER = "student", "zero-shot", "teacher"
# Passages whose words are offered as glosses.
_GLOSS_PASSAGES = 3
# Passages in an answer unless asked otherwise.
_RESULTS = 5


@dataclass(frozen=True)
class SearchAnswer:
    """Passages found for a query.

    Attributes:
        query: as it was searched: trimmed, one line.
        language: of the query.
        hits: best first.
        seconds: that the search took, waiting for others not included.
        searched: number of passages in the index.
        vectors: of the query, variants included; a passage's MaxSim is at most this number.
        lexical_weight: of BM25 that was joined to the student's ranking; 0: none, and scores are MaxSim.
        variants: words of the query that the model does not know, each with the English word that was asked for as well.
    """

    query: str
    language: str
    hits: list[Hit] = field(default_factory=list)
    seconds: float = 0.0
    searched: int = 0
    vectors: int = 1
    lexical_weight: float = 0.0
    variants: tuple[tuple[str, str], ...] = ()

    @property
    def highest_score(self) -> float:
        """That a passage can have: every vector finds itself, or it is first in both rankings that were joined."""
        return (1 + self.lexical_weight) / (RANK_CONSTANT + 1) if self.lexical_weight else self.vectors


class DemoEngine:
    """Students, their teacher and one index, of English passages above all.

    Args:
        students: by name. A name that is a language code answers for that language; every student besides for the languages of
            its config that no other has taken.
        index: of their teacher's passages.
        teacher: takes English, and other languages untrained ("zero-shot").
        settings: limits; default: those of DemoSettings. With a `lexical_weight`, BM25 of the texts of the index is built; with
            `spelling_variants`, their words are read.
        examples: by language.

    Attributes:
        students: the student of each language, by its code (`engine.students["sw"]`).
        others: further students of a language, for comparing: code to name to student.
        sources: where the student of a language came from, folder or Hub name, by its code.
        lock: held while a model computes; tokenizers are not to be used by two threads at once.

    Raises:
        ValueError: a student is not of the teacher of the index, or BM25 or spelling variants are wanted of an index whose texts
            are on a server.
    """

    def __init__(
        self,
        students: Mapping[str, OpticalPreTrainedModel],
        index: ExactIndex | DiskIndex,
        teacher: OpticalTeacherModel | None = None,
        *,
        settings: DemoSettings | None = None,
        examples: Mapping[str, Sequence[Example]] | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings or DemoSettings()
        self.index = index
        self.lock = threading.RLock()
        self._teacher = teacher
        self._examples = {code: list(found) for code, found in (examples or {}).items()}
        self._names = names_by_language(students)  # language code to names of students, the first is its student
        self.students = {code: students[names[0]] for code, names in self._names.items()}
        self.others = {code: {name: students[name] for name in names[1:]} for code, names in self._names.items()}
        self.sources = {code: (sources or {}).get(names[0], "") for code, names in self._names.items()}
        front_doors = {f"student {name}": student for name, student in students.items()}
        front_doors |= {TEACHER: teacher} if teacher is not None else {}
        weight = self.settings.lexical_weight
        lexical = lexical_index(index) if weight else None
        variants = spelling_variants(index) if self.settings.spelling_variants else None
        self._searcher = Searcher(front_doors, index, lexical=lexical, lexical_weight=weight, variants=variants)

    @property
    def teacher(self) -> OpticalTeacherModel:
        """The English teacher. Raises DemoError if this demo has none."""
        if self._teacher is None:
            raise DemoError("This demo runs without its English teacher, so only search in the students' languages works.")
        return self._teacher

    @property
    def has_teacher(self) -> bool:
        return self._teacher is not None

    @property
    def has_lexical(self) -> bool:
        """Whether BM25 of the question as it is typed can be joined to a search."""
        return self._searcher.lexical is not None

    @property
    def has_variants(self) -> bool:
        """Whether words that a student does not know can be asked for as they are spelt in English, too."""
        return self._searcher.variants is not None

    def languages(self) -> list[LanguageChoice]:
        """Every language with a student, by native name; English last, if the teacher is there."""
        codes = sorted(self.students, key=lambda code: language_choice(code).native_name.casefold())
        return [language_choice(code) for code in [*codes, *([ENGLISH] if self.has_teacher and ENGLISH not in codes else [])]]

    def search(
        self, query: str, language: str, k: int | None = None, lexical: bool | None = None, variants: bool | None = None
    ) -> SearchAnswer:
        """The k best passages for a question, five unless asked otherwise. Raises DemoError.

        Args:
            lexical: join BM25 of the question as it is typed; default: if this demo has it.
            variants: ask for unknown words as they are spelt in English, too; default: if this demo has spelling variants.
        """
        self._check_language(language)
        lexical = self.has_lexical if lexical is None else lexical
        if lexical not in (True, False):
            raise DemoError("Whether letters count, too (BM25), is told by true or false.")
        if lexical and not self.has_lexical:
            raise DemoError("This demo does not search by letters (BM25); leave that out.")
        variants = self.has_variants if variants is None else variants
        if variants not in (True, False):
            raise DemoError("Whether unknown words are asked for as they are spelt in English, too, is told by true or false.")
        if variants and not self.has_variants:
            raise DemoError("This demo has no spelling variants; leave that out.")
        door, query = self._front_door(language), self.clean(query)
        return self._search(door, query, language, k, lexical=bool(lexical), variants=bool(variants))

    def compare(self, query: str, language: str, k: int | None = None) -> dict[str, SearchAnswer]:
        """The same question by every way in: "student", further students of the language by name, and "zero-shot", the teacher as
        it is; all without BM25 and spelling variants. English has only its "teacher". Raises DemoError."""
        self._check_language(language)
        query = self.clean(query)
        if language not in self.students:
            return {TEACHER: self._search(TEACHER, query, language, k)}
        first, *others = self._names[language]
        ways = {STUDENT: f"student {first}"} | {name: f"student {name}" for name in others}
        ways |= {ZERO_SHOT: TEACHER} if self.has_teacher else {}
        return {name: self._search(door, query, language, k) for name, door in ways.items()}

    def glosses(self, query: str, language: str, answer: SearchAnswer | None = None) -> list[Gloss]:
        """For each word of the question its likely English words: how `glosses.glosses_of` tells. Raises DemoError.

        Args:
            answer: of `search` for this query; searched for if it is not given.
        """
        answer = answer or self.search(query, language, min(_GLOSS_PASSAGES, self.settings.max_results))
        if not answer.hits or language == ENGLISH:
            return []
        with self.lock, _friendly():
            documents = self.index.documents([hit.id for hit in answer.hits[:_GLOSS_PASSAGES]])
            return glosses_of(answer.query, self.students[language], documents)

    def examples(self, language: str) -> list[Example]:
        """Example questions of a language, with the passages that answer them; none is known of most."""
        return self._examples.get(language, [])

    def clean(self, text: Any, what: str = "question") -> str:
        """A text as it is used: one line, trimmed. Raises DemoError if it is empty, too long or holds no word."""
        if not isinstance(text, str) or not text.strip():
            raise DemoError(f"Write a {what} first.")
        most = self.settings.max_query_characters
        if len(text.strip()) > most:
            raise DemoError(f"This {what} has {len(text.strip()):,} characters; {most:,} at most, please shorten it.")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise DemoError(f"This {what} holds broken characters; please type it again.")
        text = " ".join(text.replace("\0", " ").split())
        if not any(character.isalnum() for character in text):
            raise DemoError(f"There is no word in this {what}; please write some.")
        return text

    def warm_up(self) -> None:
        """The first search of every model reads it into memory: before anybody waits for it."""
        for door in self._searcher.students:
            self._search(door, "?", ENGLISH, 1, lexical=self.has_lexical, variants=self.has_variants)

    def _front_door(self, language: str) -> str:
        return f"student {self._names[language][0]}" if language in self.students else TEACHER

    def _check_language(self, language: Any) -> None:
        known = {choice.code: choice.label for choice in self.languages()}
        if not isinstance(language, str) or language not in known:
            raise DemoError(f"There is no student for this language; choose one of {', '.join(known.values())}.")

    def _search(
        self, door: str, query: str, language: str, k: Any, *, lexical: bool = False, variants: bool = False
    ) -> SearchAnswer:
        k = min(_RESULTS, self.settings.max_results) if k is None else k
        if isinstance(k, bool) or not isinstance(k, (int, float)) or not 1 <= k <= self.settings.max_results:
            raise DemoError(f"The number of passages must be from 1 to {self.settings.max_results}.")
        weight = self._searcher.lexical_weight if lexical else 0.0
        with self.lock, _friendly():
            started = time.perf_counter()
            hits = self._searcher.search(query, int(k), language=door, lexical_weight=weight, variants=variants)[0]
            seconds = time.perf_counter() - started
            (respelt,) = self._searcher.respell([query], language=door) if variants else [Respelling(query)]
            vectors = len(query_spans(self._searcher.students[door].processor, [respelt.text])[0])
            return SearchAnswer(query, language, hits, seconds, len(self.index), max(1, vectors), weight, respelt.variants)


class _friendly:
    """Whatever goes wrong inside is for the log; the visitor is told what to do."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or isinstance(error, DemoError) or not isinstance(error, Exception):
            return
        logger.error("the demo could not answer", exc_info=error)
        if isinstance(error, EngineError):
            raise DemoError("The search engine behind this demo does not answer; please try again in a moment.") from None
        raise DemoError("Something went wrong here; please try again, or ask something else.") from None

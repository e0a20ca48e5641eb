"""Questions in, passages out: students of one teacher in front of one index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from ..data.errors import did_you_mean
from ..models import OpticalPreTrainedModel, OpticalStudentModel
from ..models.pretrained import load_model
from .bm25 import Bm25Index
from .disk_index import DiskIndex
from .exact_index import ExactIndex
from .from_texts import FromTexts
from .fusion import LEXICAL_WEIGHT
from .hit import Hit, token_matches
from .lexical_side import LexicalSide, check_weight, fusion_depth, lexical_index
from .metadata_filter import Filter
from .opening import open_index
from .scoring import check_positive
from .spelling_variants import Reader, Respelling, SpellingVariants, spelling_variants
from .token_spans import query_spans


class Searcher:
    """Searches one index of documents in every language that has a student.

    Args:
        students: by name; a name that is a language code answers for that language, besides the languages of its config. A
            teacher may be among them, for English.
        index: of their teacher's documents.
        lexical: BM25 of the same documents, to be joined to what students find: `lexical_index(index)` builds it. When documents
            are added to the index or deleted it is built again, from the texts of the index.
        lexical_weight: of BM25 beside a student that has 1; `search` may override it. 0 without `lexical`.
        variants: the English words of the same documents, `spelling_variants(index)`: words that a student does not know are also
            asked for as they are spelt in English. Made again as `lexical` is. `search` may do without.

    Raises:
        ValueError: no student, or one that encodes documents alone; the weight is negative or not finite; `lexical` is of other
            documents, or the index is on a server; TeacherMismatchError: a student has another teacher than the index.

    Example:
        >>> searcher = Searcher.from_pretrained({"sw": "runs/sw", "ha": "runs/ha"}, index="passages")  # doctest: +SKIP
        >>> searcher.search(["mahindi huhifadhiwaje?"], k=3, language="sw")[0][0].text  # doctest: +SKIP
    """

    def __init__(
        self,
        students: Mapping[str, OpticalPreTrainedModel],
        index: ExactIndex | DiskIndex,
        *,
        lexical: Bm25Index | None = None,
        lexical_weight: float = LEXICAL_WEIGHT,
        variants: SpellingVariants | None = None,
    ) -> None:
        if not students:
            raise ValueError("a searcher needs a student at least.")
        self.students, self.index = dict(students), index
        for name, student in self.students.items():
            if isinstance(student, OpticalStudentModel) and student.config.side == "document":
                raise ValueError(
                    f"student {name} was distilled to encode documents, not questions: give one that was distilled with "
                    "--side query or --side both, or for English questions the teacher."
                )
            index.check_model(student)
        self.lexical = None if lexical is None else LexicalSide(index, lexical)
        self.lexical_weight = check_weight(lexical_weight) * (self.lexical is not None)
        self.variants = None if variants is None else FromTexts(index, spelling_variants, variants)
        self._readers = {name: Reader(student) for name, student in self.students.items()}

    @classmethod
    def from_pretrained(
        cls,
        students: str | Path | Sequence[str | Path] | Mapping[str, str | Path],
        *,
        index: str | Path | ExactIndex | DiskIndex,
        device: str | torch.device | None = None,
        lexical_weight: float = 0.0,
        variants: bool = False,
    ) -> Searcher:
        """Load students (or their teacher, for English), one, a list or name to folder or Hub name, and open the index.

        Args:
            lexical_weight: above 0, BM25 of the index's texts is built, and joined to what students find.
            variants: words that a student does not know are also asked for as they are spelt in English.

        Raises:
            ValueError: a student or the index is not there, or they do not belong together; the weight is negative or not finite,
                or the texts of the index are not known.
        """
        check_weight(lexical_weight)
        if isinstance(index, (str, Path)):
            index = open_index(index, device=device)
        if isinstance(students, (str, Path)):
            students = [students]
        if not isinstance(students, Mapping):
            names = [str(student) for student in students]
            if len(set(names)) != len(names):
                raise ValueError(f"students must be different, got {', '.join(names)}.")
            students = dict(zip(names, names, strict=True))
        loaded = {name: load_model(str(student)) for name, student in students.items()}
        if device is not None:
            loaded = {name: student.to(device) for name, student in loaded.items()}
        searcher = cls(loaded, index)  # students that do not belong to the index are told before all texts are read
        if not lexical_weight and not variants:
            return searcher
        lexical = lexical_index(index) if lexical_weight else None
        words = spelling_variants(index) if variants else None
        return cls(loaded, index, lexical=lexical, lexical_weight=lexical_weight, variants=words)

    @property
    def languages(self) -> list[str]:
        """What `search` takes for `language`: names of students, then languages of their configs."""
        return list(dict.fromkeys([*self.students, *(code for s in self.students.values() for code in _languages(s))]))

    def student(self, language: str | None = None) -> OpticalPreTrainedModel:
        """The student of a language, or of this name. Raises ValueError if there is none, or several and no language."""
        if language is None:
            if len(self.students) > 1:
                raise ValueError(f"{len(self.students)} students are loaded: say the language, one of {', '.join(self.languages)}.")
            return next(iter(self.students.values()))
        if language in self.students:
            return self.students[language]
        speaking = [name for name, student in self.students.items() if language in _languages(student)]
        if len(speaking) == 1:
            return self.students[speaking[0]]
        if speaking:
            raise ValueError(f"several students speak {language!r}: choose one by its name, {' or '.join(speaking)}.")
        hint = did_you_mean(language, self.languages)
        raise ValueError(
            f"no student for language {language!r}: there are {', '.join(self.languages)}{'; ' + hint if hint else ''}"
        )

    def search(
        self,
        queries: str | Sequence[str],
        k: int = 10,
        *,
        language: str | None = None,
        filter: Filter | None = None,
        matches: bool = True,
        batch_size: int = 32,
        lexical_weight: float | None = None,
        variants: bool | None = None,
    ) -> list[list[Hit]]:
        """The k best documents of each query, best first.

        Args:
            queries: one question or several.
            language: of the questions, or the name of a student; needed where there are several.
            filter: of the documents' metadata, as in `DiskIndex.search`.
            matches: find out which tokens of the documents the tokens of the query found.
            lexical_weight: of BM25 this time, 0: none; default: the searcher's.
            variants: ask for spelling variants, too; default: if the searcher has them. What they find is told of their word.

        Raises:
            ValueError: unknown language, k below 1, a filter where documents have no metadata, a weight that is negative, not
                finite, or above 0 where the searcher has no `lexical`; variants, where it has none.
        """
        check_positive(k=k)
        weight = self.lexical_weight if lexical_weight is None else check_weight(lexical_weight)
        if variants and self.variants is None:
            raise ValueError("there are no spelling variants: make the searcher with them, or search without.")
        if weight and self.lexical is None:
            raise ValueError(f"there is no BM25 to give weight {weight:g}: make the searcher with one, or search with 0.")
        queries = [queries] if isinstance(queries, str) else list(queries)
        student = self.student(language)
        respelt = self.respell(queries, language=language) if variants is not False else [Respelling(query) for query in queries]
        asked = [respelling.text for respelling in respelt]
        embeddings = student.encode_query(asked, batch_size=batch_size, show_progress_bar=False)
        depth = fusion_depth(k) if weight else k
        if not isinstance(self.index, ExactIndex):
            found = self.index.search(embeddings, depth, filter=filter)
        elif filter is not None:
            raise ValueError("documents of an index in memory have no metadata to filter by: build a DiskIndex.")
        else:
            found = self.index.search(embeddings, depth)
        if weight:
            found = self.lexical.fused(found, queries, k, weight, filter)
        spans = [[]] * len(queries)
        if matches:
            rows = query_spans(student.processor, asked)
            spans = [[respelling.typed(span) for span in row] for respelling, row in zip(respelt, rows, strict=True)]
        results = []
        for query, tokens, where, hits in zip(queries, embeddings, spans, found, strict=True):
            documents = self.index.documents([i for i, _ in hits])
            results.append(
                [
                    Hit(d.id, score, d.text, d.metadata, list(token_matches(query, tokens.float(), where, d)) if matches else [])
                    for d, (_, score) in zip(documents, hits, strict=True)
                ]
            )
        return results

    def respell(self, queries: Sequence[str], *, language: str | None = None) -> list[Respelling]:
        """The queries as a student is asked: with variants behind words that it does not know, if the searcher has them."""
        if self.variants is None:
            return [Respelling(query) for query in queries]
        student, words = self.student(language), self.variants.get()
        reader = next(self._readers[name] for name, other in self.students.items() if other is student)
        return [words.respell(query, reader) for query in queries]


def _languages(student: OpticalPreTrainedModel) -> list[str]:
    return list(student.config.languages) if isinstance(student, OpticalStudentModel) else ["en"]

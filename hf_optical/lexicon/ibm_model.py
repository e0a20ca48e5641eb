"""IBM Model 1 in both directions over the word pairs of a bitext, in arrays.

Source: Brown, Della Pietra, Della Pietra, Mercer, "The Mathematics of Statistical Machine Translation", Computational
Linguistics 19(2), 1993, section 4.1: `p(f | e_0 .. e_l) = prod_j 1/(l+1) sum_i t(f_j | e_i)` with `e_0` the NULL word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

# Word pairs looked at together: bounds the memory of a step to about 100 MB, whatever the size of the bitext.
_CHUNK = 1_000_000
# Of equally probable translations the one spelt alike (a name) is linked, and NULL only if no word is as probable.
_SPELT_ALIKE, _NULL = 1 + 1e-5, 1 - 1e-5


class Bags(NamedTuple):
    """One side of a bitext: for every sentence NULL (id 0, once) and its distinct words with their number, ids ascending.

    Attributes:
        vocabulary: word of every id; after NULL in alphabetical order.
        ids: `(entries,)` int64, of all sentences one after the other.
        numbers: `(entries,)` float64, occurrences in the sentence.
        starts: `(sentences + 1,)` int64, entry at which each sentence begins.
    """

    vocabulary: list[str]
    ids: np.ndarray
    numbers: np.ndarray
    starts: np.ndarray

    @classmethod
    def build(cls, vocabulary: list[str], ids: np.ndarray, lengths: np.ndarray) -> Bags:
        """Bags of sentences.

        Args:
            vocabulary: words in alphabetical order; the first has id 1.
            ids: `(words,)` int64, of all sentences one after the other. lengths: `(sentences,)`, words of each.
        """
        size, sentences = len(vocabulary) + 1, np.arange(len(lengths) + 1)
        nulls = sentences * size
        keys = np.concatenate([nulls[:-1], np.repeat(nulls[:-1], lengths) + ids])
        keys, numbers = np.unique(keys, return_counts=True)
        return cls(["", *vocabulary], keys % size, numbers.astype(np.float64), np.searchsorted(keys, nulls))

    def sentence(self, index: int) -> bytes:
        """What is in a sentence, to sort by."""
        part = slice(self.starts[index], self.starts[index + 1])
        return self.ids[part].tobytes() + self.numbers[part].tobytes()

    def reordered(self, order: np.ndarray) -> Bags:
        """The sentences in another order."""
        lengths = np.diff(self.starts)[order]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        taken = np.arange(starts[-1]) + np.repeat(self.starts[:-1][order] - starts[:-1], lengths)
        return Bags(self.vocabulary, self.ids[taken], self.numbers[taken], starts)

    def counts(self) -> Counter[str]:
        """Occurrences of every word."""
        totals = np.bincount(self.ids, self.numbers, minlength=len(self.vocabulary)).astype(np.int64)
        return Counter(dict(zip(self.vocabulary[1:], totals[1:].tolist(), strict=True)))


class _Chunk(NamedTuple):
    """Sentences `first` to `last`: the cells of their word pairs, ascending, and which of these each word pair is (int32)."""

    first: int
    last: int
    cells: np.ndarray
    local: np.ndarray


class IBMModel:
    """Probabilities of all cells: (English word, foreign word) that occur in one sentence pair.

    Args:
        english, foreign: the two sides, with as many sentences.

    Attributes:
        cell_english, cell_foreign: `(cells,)` int32, ids of the words.
        probabilities: of the foreign given the English word and of the English given the foreign word, `(cells,)` float64 each.
    """

    def __init__(self, english: Bags, foreign: Bags) -> None:
        # Sums are rounded by the order of their terms: one order, whatever order the pairs came in.
        keys = [(english.sentence(i), foreign.sentence(i)) for i in range(len(english.starts) - 1)]
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__))
        self.sides = english.reordered(order), foreign.reordered(order)
        self._chunks = self._find_cells()
        self.probabilities = [np.full(len(self.cell_english), 1.0 / (len(side.vocabulary) - 1)) for side in self.sides[::-1]]

    def _find_cells(self) -> list[_Chunk]:
        (english, foreign), chunks, known = self.sides, [], []
        width = len(foreign.vocabulary)
        for first, last in self._ranges():
            e, f = self._grid(first, last)
            cells, local = np.unique(english.ids[e] * width + foreign.ids[f], return_inverse=True)
            chunks.append(_Chunk(first, last, cells, local.reshape(-1).astype(np.int32)))
            known.append(cells)
            if len(known) > 8:  # merged now and then, so that repeated cells do not pile up
                known = [_distinct(known)]
        cells = _distinct(known)
        self.cell_english, self.cell_foreign = (ids.astype(np.int32) for ids in np.divmod(cells, width))
        return [chunk._replace(cells=np.searchsorted(cells, chunk.cells).astype(np.int32)) for chunk in chunks]

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Sentences in groups of at most `_CHUNK` word pairs, at least one sentence each."""
        ends = np.cumsum(np.diff(self.sides[0].starts) * np.diff(self.sides[1].starts))
        first, done = 0, 0
        while first < len(ends):
            last = max(first + 1, int(np.searchsorted(ends, done + _CHUNK, side="right")))
            yield first, last
            first, done = last, ends[last - 1]

    def _grid(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """English and foreign entry of every word pair: by sentence, then by foreign, then by English entry."""
        e_starts, f_starts = (side.starts[first : last + 1] for side in self.sides)
        f_lengths = np.diff(f_starts)
        row_lengths = np.repeat(np.diff(e_starts), f_lengths)
        row_starts = np.cumsum(row_lengths) - row_lengths
        e = np.arange(row_lengths.sum()) + np.repeat(np.repeat(e_starts[:-1], f_lengths) - row_starts, row_lengths)
        return e, np.repeat(np.arange(f_starts[0], f_starts[-1]), row_lengths)

    def iterate(self) -> tuple[float, float]:
        """One step of EM in both directions; the natural log likelihoods before the step."""
        totals, likelihood = [np.zeros(len(self.cell_english)) for _ in self.sides], [0.0, 0.0]
        for chunk in self._chunks:
            grid = self._grid(chunk.first, chunk.last)
            for way in (0, 1):
                posterior, part = self._expect(chunk, grid, way)
                totals[way][chunk.cells] += np.bincount(chunk.local, posterior, minlength=len(chunk.cells))
                likelihood[way] += part
        for way, given in enumerate((self.cell_english, self.cell_foreign)):
            mass = np.bincount(given, totals[way])[given]
            self.probabilities[way] = np.divide(totals[way], mass, out=totals[way], where=mass > 0)
        return likelihood[0], likelihood[1]

    def _expect(self, chunk: _Chunk, grid: tuple[np.ndarray, np.ndarray], way: int) -> tuple[np.ndarray, float]:
        """Expected number of links of every word pair, and log likelihood, of some sentences."""
        source, target = self.sides[way], self.sides[1 - way]
        begin, end = target.starts[chunk.first], target.starts[chunk.last]
        # NULL translates into words, no word translates into NULL.
        number = np.where(target.ids[begin:end] == 0, 0.0, target.numbers[begin:end])
        score = self.probabilities[way][chunk.cells][chunk.local] * source.numbers[grid[way]]
        row = grid[1 - way] - begin
        total = np.bincount(row, score, minlength=end - begin)
        total[number == 0] = 1.0
        offsets = source.starts[chunk.first : chunk.last + 1] - source.starts[chunk.first]
        words = np.add.reduceat(source.numbers[source.starts[chunk.first] : source.starts[chunk.last]], offsets[:-1])
        words = np.repeat(words, np.diff(target.starts[chunk.first : chunk.last + 1]))
        return score * (number / total)[row], float((number * np.log(total / words)).sum())

    def links(self) -> dict[str, dict[str, int]]:
        """English word -> {foreign word: number of places where each is the other's most probable translation}.

        A word for which NULL is more probable than any word is not linked. Of equally probable words the one spelt alike is
        taken, else the first in alphabetical order.
        """
        english, foreign = (side.vocabulary for side in self.sides)
        id_of = {word: i for i, word in enumerate(english)}
        spelt_alike = np.array([id_of.get(word, -1) for word in foreign])[self.cell_foreign] == self.cell_english
        favour = np.where(spelt_alike, np.float32(_SPELT_ALIKE), np.float32(1))
        favour[(self.cell_english == 0) | (self.cell_foreign == 0)] = _NULL
        counts = np.zeros(len(favour), np.int64)
        for chunk in self._chunks:
            e, f = self._grid(chunk.first, chunk.last)
            # In single precision, so that the rounding of sums decides nothing.
            scores = [(p[chunk.cells] * favour[chunk.cells]).astype(np.float32)[chunk.local] for p in self.probabilities]
            turned = np.argsort(e, kind="stable")
            of_foreign, of_english = _first_best(scores[0], f), turned[_first_best(scores[1][turned], e[turned])]
            mutual = np.intersect1d(of_foreign, of_english, assume_unique=True)
            e, f = e[mutual], f[mutual]
            words = (self.sides[0].ids[e] > 0) & (self.sides[1].ids[f] > 0)
            number = np.minimum(self.sides[0].numbers[e], self.sides[1].numbers[f]) * words
            np.add.at(counts, chunk.cells[chunk.local[mutual]], number.astype(np.int64))
        found: dict[str, dict[str, int]] = {}
        for cell in np.flatnonzero(counts).tolist():
            found.setdefault(english[self.cell_english[cell]], {})[foreign[self.cell_foreign[cell]]] = int(counts[cell])
        return found

    def table(self, way: int, *, top: int, least: float) -> dict[str, dict[str, float]]:
        """Word -> {word of the other side: probability}, the `top` best of at least `least`; NULL left out.

        Args:
            way: 0 for foreign words given the English, 1 for English words given the foreign.
        """
        given, other = (self.cell_english, self.cell_foreign) if way == 0 else (self.cell_foreign, self.cell_english)
        cells = np.flatnonzero((self.probabilities[way] >= least) & (given > 0) & (other > 0))
        # Equally probable up to rounding: in alphabetical order.
        cells = cells[np.lexsort((other[cells], -self.probabilities[way][cells].round(9), given[cells]))]
        word, translation = self.sides[way].vocabulary, self.sides[1 - way].vocabulary
        found: dict[str, dict[str, float]] = {}
        for g, o, p in zip(given[cells].tolist(), other[cells].tolist(), self.probabilities[way][cells].tolist(), strict=True):
            row = found.setdefault(word[g], {})
            if len(row) < top:
                row[translation[o]] = p
        return found


def _distinct(arrays: list[np.ndarray]) -> np.ndarray:
    """Distinct values, ascending. (By sorting: the hash table of `np.unique` takes many times as long on millions of values.)"""
    values = np.concatenate(arrays)
    values.sort()
    return values[np.concatenate([[True], values[1:] != values[:-1]])]


def _first_best(score: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Indices of the first element with the highest score in each group; elements of a group stand together."""
    new = np.concatenate([[True], group[1:] != group[:-1]])
    starts = np.flatnonzero(new)
    best = np.flatnonzero(score == np.repeat(np.maximum.reduceat(score, starts), np.diff(np.append(starts, len(group)))))
    return best[np.concatenate([[True], group[best[1:]] != group[best[:-1]]])]

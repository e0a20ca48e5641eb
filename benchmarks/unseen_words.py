"""What limits a student: the words of a question that its sentence pairs do not have.

    python benchmarks/unseen_words.py configs/compare_cpu.yaml --methods optical word-by-word

Reads what `optical compare` left, trains nothing. Only questions whose passage the teacher finds in English (first ten) are
counted, so what is missing was lost on the way from the language. A word is unseen if the bitext has it less than `--seen` times,
unless it is spelt as in the question's English version (a name).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np

from hf_optical.comparison import load_config
from hf_optical.comparison.collect import Results
from hf_optical.comparison.config import MAIN_METRIC, ComparisonConfig
from hf_optical.comparison.materials import Materials
from hf_optical.comparison.methods import CEILING
from hf_optical.lexicon.words import word_key, words


def unseen(materials: Materials, language: str, seen: int) -> dict[str, int]:
    """For each question, how many of its words are unseen."""
    counts = Counter(word_key(word) for _, foreign in materials.bitext(language).read() for word in words(foreign))
    collection = materials.collection(language)

    def count(query: str, text: str) -> int:
        spelt_alike = set(map(word_key, words(collection.english.get(query, ""))))
        return sum(counts[key] < seen for key in map(word_key, words(text)) if key not in spelt_alike)

    return {query: count(query, text) for query, text in collection.queries.items()}


def rows(config: ComparisonConfig, methods: Sequence[str], seen: int) -> list[list[str]]:
    """Rows of the table, one for each method and language that has results."""
    materials, results = Materials(config), Results(config)
    ceiling = next(name for name, method in config.methods.items() if method.system == CEILING)
    found = []
    for language, settings in config.languages.items():
        runs = {method: results.main_runs(method, language) for method in methods}
        teacher = results.main_runs(ceiling, language)
        if not (teacher and settings.bitext and any(runs.values())):
            continue
        by_query = unseen(materials, language, seen)
        missing = np.array([by_query[query] for query in results.queries(language)])
        known = results.values(teacher, MAIN_METRIC) > 0
        parts = known & (missing == 0), known & (missing > 0)
        for method in filter(runs.get, methods):
            kept = results.values(runs[method], MAIN_METRIC)
            lost = [(1 - kept[part]).sum() for part in parts]
            shares = [f"{100 * kept[part].mean():.0f} % of {part.sum()}" if part.any() else "" for part in parts]
            found.append([method, language, *shares, f"{100 * lost[1] / max(sum(lost), 1e-9):.0f} %"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--methods", nargs="+", default=["optical"])
    parser.add_argument("--seen", type=int, default=2)
    options = parser.parse_args()
    header = ["method", "language", "found, all words seen", "found, a word unseen", "share of the losses that have one"]
    table = [header, ["---"] * len(header), *rows(load_config(options.config), options.methods, options.seen)]
    print("\n".join(f"| {' | '.join(row)} |" for row in table))


if __name__ == "__main__":
    main()

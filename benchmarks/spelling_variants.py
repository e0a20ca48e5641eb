"""How often a spelling variant is right: on the words that sentence pairs have once or twice.

    python benchmarks/spelling_variants.py ../shared/suite/bitext sw ha yo ig de es ru

Nothing is trained. Such a word stands for those that a student has never seen. Its variant is looked for among the English words of
the whole file, and is right if it stands in the English sentence of the pair (of a word of two pairs: in half of them, or both). A
collection need not have the right word, as the sentence of the pair often does: there a variant is more often wrong.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from pathlib import Path

from hf_optical.data import load_bitext
from hf_optical.lexicon.words import words
from hf_optical.search import SpellingVariants
from hf_optical.search.spelling_variants import max_edits
from hf_optical.search.terms import latin

RARE = 2


def right(file: Path, language: str, sample: int, seed: int) -> tuple[int, int, float]:
    """How many rare words were looked up, how many have a variant, and in how many pairs, on average, it is right."""
    pairs = list(load_bitext(file, language=language).pairs())
    english = [set(words(latin(text))) for text, _ in pairs]
    foreign = [set(map(latin, words(text))) for _, text in pairs]
    counts = Counter(word for sentence in foreign for word in sentence)
    variants = SpellingVariants(text for text, _ in pairs)
    rare = [word for word in sorted(counts) if counts[word] <= RARE and max_edits(len(word)) and word.isalpha()]
    rare = [word for word in rare if word not in variants]
    rare = sorted(random.Random(seed).sample(rare, min(sample, len(rare))))
    found = {word: variant for word in rare if (variant := variants.variant(word))}
    stands = Counter(word for own, theirs in zip(foreign, english, strict=True) for word in own if found.get(word) in theirs)
    return len(rare), len(found), sum(stands[word] / counts[word] for word in found) / max(1, len(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of sentence pairs, LANGUAGE.tsv.gz")
    parser.add_argument("languages", nargs="+")
    parser.add_argument("--sample", type=int, default=2000, help="rare words to look up in each file (default: 2000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| language | rare words of six letters or more | with a variant | it stands in the English sentence |")
    print("|---|---|---|---|")
    for language in options.languages:
        file = options.folder / f"{language}.tsv.gz"
        rare, found, share = right(file, language, options.sample, options.seed)
        print(f"| {language} | {rare:,} | {found:,} | {100 * share:.0f} % |")


if __name__ == "__main__":
    main()

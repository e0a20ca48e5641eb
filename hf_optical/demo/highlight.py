"""HTML of answers: passages with the words that the question's words found. Every text of others is escaped here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape

from ..search import Hit
from .engine import SearchAnswer
from .glosses import Gloss
from .words import Word, WordMatch, word_matches, words_of

# Similarity from which a match is of level 4, 3, 2; below it is of level 1. The style sheet draws the levels.
_LEVELS = ((0.8, 4), (0.6, 3), (0.4, 2))
# Characters of a passage that are shown.
_SHOWN = 1500
_LEGEND = {4: "≥ 0.8", 3: "≥ 0.6", 2: "≥ 0.4", 1: "less"}


@dataclass(frozen=True)
class Passage:
    """A hit as it is shown: where its title ends and its text begins, in characters of `hit.text`; `title` is "" if it has none."""

    hit: Hit
    title: str
    start: int
    stop: int

    @classmethod
    def of(cls, hit: Hit, most: int = _SHOWN) -> Passage:
        """The passages of an index are title and text in one; its metadata may tell the title."""
        title = hit.metadata.get("title")
        title = title.strip() if isinstance(title, str) else ""
        start = len(title) if title and hit.text.startswith(title) else 0
        start += len(hit.text[start:]) - len(hit.text[start:].lstrip())
        return cls(hit, title, start, min(len(hit.text), start + most))


def answer_html(
    answer: SearchAnswer,
    glosses: Sequence[Gloss] = (),
    relevant: Collection[str] = (),
    english: str = "",
    tell_order: bool = False,
) -> str:
    """The whole answer: the question's words to press, its spelling variants, what was searched, and a card for each passage.

    Args:
        glosses: of the question's words, in their order.
        relevant: ids of passages that are known to answer the question.
        english: the question in English, if it is known.
        tell_order: say below the passages what their order is.
    """
    words = words_of(answer.query)
    cards = "".join(card_html(words, answer, rank, relevant) for rank in range(1, len(answer.hits) + 1))
    found = cards and f'<ol class="op-cards" aria-label="Passages, best first">{cards}</ol>'
    return (
        f'<div class="op-answer">{words_html(words, glosses)}{_english(english)}{_variants(answer)}'
        f'<p class="op-facts">{_facts(answer)}</p>{legend_html()}'
        f"{found or notice_html('No passage was found. Try other words.')}{_order(answer) if tell_order else ''}{_LIVE}</div>"
    )


_LIVE = '<div class="op-live op-unseen" aria-live="polite"></div>'


def words_html(words: Sequence[Word], glosses: Sequence[Gloss] = ()) -> str:
    """The question as a row of buttons; one that is hovered, focused or pressed shows what it found."""
    likely = [gloss.english for gloss in glosses] if len(glosses) == len(words) else [[] for _ in words]
    buttons = []
    for index, (word, english) in enumerate(zip(words, likely, strict=True)):
        names = ", ".join(name for name, _ in english)
        told = f", likely {names}" if names else ""
        gloss = f'<span class="op-gloss">{escape(names)}</span>' if names else ""
        buttons.append(
            f'<button type="button" class="op-word" data-q="{index}" aria-pressed="false" aria-label="{escape(word.text + told)}">'
            f'<span class="op-word-text">{escape(word.text)}</span>{gloss}</button>'
        )
    hint = "Tap a word of your question to see what it found."
    if any(likely):
        hint += " Below each word: its likely English, read from the transport plan, not from a dictionary."
    row = f'<div class="op-words" role="group" aria-label="Words of the question">{"".join(buttons)}</div>'
    return f'{row}<p class="op-hint">{hint}</p>'


def card_html(words: Sequence[Word], answer: SearchAnswer, rank: int, relevant: Collection[str] = ()) -> str:
    """One passage: rank, title, score with its bar, text with marked words."""
    hit = answer.hits[rank - 1]
    passage, matches = Passage.of(hit), word_matches(words, hit)
    answers = hit.id in relevant
    badge = '<span class="op-badge"><span aria-hidden="true">✓</span> the answer</span>' if answers else ""
    title = marked(hit.text, 0, len(passage.title), matches, words) if passage.start >= len(passage.title) > 0 else ""
    title = title or escape(passage.title or hit.id)
    text = marked(hit.text, passage.start, passage.stop, matches, words) + ("…" if passage.stop < len(hit.text) else "")
    return (
        f'<li class="op-card{" op-relevant" if answers else ""}"><div class="op-card-head">'
        f'<span class="op-rank" aria-hidden="true">{rank}</span><h3>{title}</h3>{badge}</div>'
        f"{fused_html(hit.score) if answer.lexical_weight else score_html(hit.score, answer.vectors)}"
        f'<p class="op-text" lang="en" dir="auto">{text}</p></li>'
    )


def score_html(score: float, vectors: int) -> str:
    """A score beside a bar of how much of the greatest score it is: every vector of the question may add 1."""
    part = min(1.0, max(0.0, score / vectors))
    return (
        f'<div class="op-score"><span class="op-bar" role="img" aria-label="score {score:.2f} of at most {vectors}">'
        f'<span style="width:{100 * part:.1f}%"></span></span>'
        f'<span class="op-number" aria-hidden="true">{score:.2f}<small> / {vectors}</small></span></div>'
    )


def fused_html(score: float) -> str:
    """The score of joined rankings. It has no bar: it tells places, not how alike texts are."""
    return f'<div class="op-score"><span class="op-number">{score:.4f}<small> joined score</small></span></div>'


def marked(text: str, start: int, stop: int, matches: Sequence[WordMatch], words: Sequence[Word]) -> str:
    """A part of a text, escaped, with its matched words in <mark>.

    Args:
        matches: of the whole text; those of one word of it stand together.
        words: of the question.
    """
    found: dict[tuple[int, int], list[WordMatch]] = {}
    for match in matches:
        if start <= match.passage[0] and match.passage[1] <= stop:
            found.setdefault(match.passage, []).append(match)
    pieces, end = [], start
    for (first, last), own in sorted(found.items()):
        pieces += [escape(text[end:first]), _mark(text[first:last], own, words)]
        end = last
    return "".join([*pieces, escape(text[end:stop])])


def _mark(text: str, matches: Sequence[WordMatch], words: Sequence[Word]) -> str:
    best = max(match.similarity for match in matches)
    level = next((level for least, level in _LEVELS if best >= least), 1)
    pairs = " ".join(f"{match.query}:{match.similarity:.2f}" for match in matches)
    told = ", ".join(f"{words[match.query].text} {match.similarity:.2f}" for match in matches)
    return (
        f'<mark class="op-mark op-level-{level}" tabindex="0" role="button" data-pairs="{pairs}" '
        f'title="{escape(told)}" aria-label="{escape(text)}, found by {escape(told)}">{escape(text)}</mark>'
    )


def legend_html() -> str:
    """What the marks mean."""
    entries = "".join(f'<span class="op-mark op-level-{level}">{text}</span>' for level, text in _LEGEND.items())
    return f'<p class="op-legend" aria-label="Similarity of marked words"><span>similarity</span>{entries}</p>'


def notice_html(text: str) -> str:
    """A friendly message in the place of an answer."""
    return f'<div class="op-notice" role="status">{escape(text)}</div>'


def _facts(answer: SearchAnswer) -> str:
    number = len(answer.hits)
    passages = f"<strong>{number}</strong> of {answer.searched:,} passages"
    return f"{passages} in <strong>{max(1, round(1000 * answer.seconds)):,} ms</strong>"


def _order(answer: SearchAnswer) -> str:
    order = (
        "Order: the model's ranking joined with that by letters (BM25, weight "
        f"{answer.lexical_weight:g}); the score counts places, not likeness."
        if answer.lexical_weight
        else "Order: the model's score alone."
    )
    return f'<p class="op-hint op-order">{order}</p>'


def _variants(answer: SearchAnswer) -> str:
    # each word by itself, so that one that is written from right to left does not turn the line round
    pairs = ", ".join(
        f'<span dir="auto">{escape(word)}</span> as <span lang="en" dir="auto">{escape(variant)}</span>'
        for word, variant in dict.fromkeys(answer.variants)
    )
    return f'<p class="op-hint op-variants">Also asked for: {pairs}</p>' if pairs else ""


def _english(english: str) -> str:
    return f'<p class="op-english">In English: <q lang="en">{escape(english)}</q></p>' if english else ""

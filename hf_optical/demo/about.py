"""What the About tab tells, as Markdown; results are those of `student_cards`, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from huggingface_hub import EvalResult

from .student_cards import StudentCard

PAPER = "https://arxiv.org/abs/2301.12566"
COLBERT = "https://arxiv.org/abs/2004.12832"
# Of a card's text so many characters are shown in one place; a card may say anything at any length.
_LONGEST, _MOST_ROWS, _MOST_METRICS = 80, 30, 8

CSS = """
.optical-about { max-width: 46rem; line-height: 1.65; }
.optical-about h2 { margin-top: 1.6rem; }
.optical-about table { display: block; max-width: 100%; overflow-x: auto; }
.optical-about pre { overflow-x: auto; }
"""

_WHAT = """## What it is

You ask in your language, and find passages written in English. Nothing is translated: a small model, the **student**, puts the
words of your question at the place where an English model, the **teacher**, would have put their English versions. The passages
stay as the teacher encoded them, so one English index serves every language.

## How a passage is found: late interaction

Each word (or piece of one) of your question becomes an arrow that points somewhere in a space of many dimensions; so does each
word of every passage. Arrows of words that mean the same in their sentences point the same way. Every word of the question looks
for its best partner in a passage, and the likenesses of these partners, added up, are the passage's score. That is why the demo can
show which word found which: it is not an explanation made up afterwards, it is the score itself. The method is called
[ColBERT](COLBERT).
"""

_LEARNS = """## How a student learns: optimal transport

There is no list that tells which Swahili word is which English one, and sentences differ in length and order. What there is are
pairs of sentences that mean the same. So every word of one gets a load and every word of the other room for it; carrying a load
between two words costs more, the less alike they are. The *optimal transport plan* is the cheapest way to carry everything, and the
student is changed a little, pair by pair, so that it gets cheaper. Which word belongs to which comes out by itself: look at it in
the Alignment tab. The method is called [OPTICAL](PAPER) (Huang, Yu and Allan, WSDM 2023).
"""

_LEXICAL = """In the Search tab names and numbers are found by their letters, too: the student's ranking is joined with that of
BM25, which looks for the words of the question as they are typed. The score then tells the places in both rankings. Switch it off
there to see the student alone; the other tabs always show it alone.
"""

_VARIANTS = """In the Search tab a word that the student does not know, a name perhaps, is also asked for as it is spelt in English:
as the word of the passages with the nearest spelling, if one is near. A line above the passages says which; it may be another word.
Switch it off there to see the student alone; the other tabs always show it alone.
"""

_LIMITS = """## Limits

- It finds passages; it does not answer questions, translate, or judge whether a passage is true.
- It knows only the passages of its index, and ranks the best of them first even if none answers.
- Dialects, mixed speech and informal spelling are served worse than the written standard that it learnt from.
- Names are spelt alike in many languages: a question with a rare name may be answered by the name alone.
- Questions are cut after as many tokens as the model reads; the Alignment tab says so when it happens.
- Glosses and alignments are what the model makes of words in one sentence. They are no dictionary.
"""

_SAMPLE = """This demo shows the sample that comes with the package: a very small model, made in about two minutes on one processor
core from 2,000 sentence pairs, in front of 200 passages. It is made for trying things out. Expect mistakes.
"""

_API = """## Use it from a program

```python
from gradio_client import Client

client = Client("http://127.0.0.1:7860")  # or the name of the Space
found = client.predict(query=QUESTION, language=LANGUAGE, api_name="/search")
plan = client.predict(
    english=ENGLISH, foreign=FOREIGN, language=LANGUAGE, solver="exact", api_name="/align"
)
print(plan["cost"], plan["greedy_filled_cost"])
```
"""

_LICENCE = """## Links and licence

- The method: [Improving Cross-lingual Information Retrieval on Low-Resource Languages via Optimal Transport Distillation](PAPER)
- Late interaction: [ColBERT](COLBERT)
- The software `hf_optical` and its sample are under the Apache License 2.0. Models and passages of others have licences of their
  own: those that the cards of the students state are below.
"""


def about_markdown(
    cards: Sequence[StudentCard],
    *,
    sample: bool = False,
    lexical: bool = False,
    variants: bool = False,
    example: tuple[str, str, str] | None = None,
) -> str:
    """The whole text. What cards say is escaped: it is shown as text, whatever it holds.

    Args:
        sample: whether this is the embedded sample.
        lexical: whether BM25 is joined to a search.
        variants: whether unknown words are asked for as they are spelt in English, too.
        example: language code, English and foreign sentence, for the program.
    """
    language, english, foreign = example or ("sw", "Clean water protects a family.", "Maji safi huilinda familia.")
    code = _API.replace("QUESTION", repr(foreign)).replace("LANGUAGE", repr(language))
    code = code.replace("ENGLISH", repr(english)).replace("FOREIGN", repr(foreign))
    parts = [_WHAT, _LEXICAL if lexical else "", _VARIANTS if variants else "", _LEARNS]
    parts += ["## Results\n", _SAMPLE if sample else "", results_markdown(cards), _LIMITS, code, _LICENCE, _licences(cards)]
    return "\n".join(part for part in parts if part).replace("(COLBERT)", f"({COLBERT})").replace("(PAPER)", f"({PAPER})")


def results_markdown(cards: Sequence[StudentCard]) -> str:
    """For each student a table of its results, those of its card or of its folder, or that there are none."""
    shown = []
    for card in cards:
        results, title = card.results(), f"**{escape(card.language)}**, {escape(card.name)}"
        if results and card.text is None:
            shown.append(f"{title}, as the evaluation beside it says:\n\n{_table(results)}\n")
        elif card.text is None:
            shown.append(f"{title}: this student has no card, so there are no results to show.\n")
        elif not results:
            shown.append(f"{title}: the card of this student states no results.\n")
        else:
            shown.append(f"{title}, as its card states:\n\n{_table(results)}\n")
    return "\n".join(shown)


def escape(text: object, most: int = _LONGEST) -> str:
    """Any text on one line of Markdown, shown as it is: signs with a meaning in Markdown, HTML or formulas become entities.

    Example:
        >>> escape("<b>*a*")
        '&#60;b&#62;&#42;a&#42;'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    line = line if len(line) <= most else line[: most - 1] + "…"
    return "".join(c if not c.isascii() or c.isalnum() or c == " " else f"&#{ord(c)};" for c in line)


def _table(results: Sequence[EvalResult]) -> str:
    names = list(dict.fromkeys(result.metric_name or result.metric_type for result in results))[:_MOST_METRICS]
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for result in results:
        key = (str(result.dataset_name or result.dataset_type), str(result.dataset_split or ""))
        rows.setdefault(key, {}).setdefault(result.metric_name or result.metric_type, result.metric_value)
    lines = ["| measured on | " + " | ".join(escape(name, 24) for name in names) + " |", "|---" + "|---:" * len(names) + "|"]
    for (dataset, split), values in list(rows.items())[:_MOST_ROWS]:
        cells = [_points(values[name]) if name in values else "" for name in names]
        lines.append("| " + " | ".join([escape(dataset) + (f", {escape(split)}" if split else ""), *cells]) + " |")
    left = len(rows) - _MOST_ROWS
    return "\n".join(lines) + (f"\n\n{left} more are in the card." if left > 0 else "")


def _points(value: float) -> str:
    """Shares in points, as everywhere in the package; what is no share as it is."""
    return escape(f"{100 * value:.1f}" if 0 <= value <= 1 else f"{value:.4g}")


def _licences(cards: Sequence[StudentCard]) -> str:
    lines = []
    for card in cards:
        data = card.data().to_dict()
        licence = data.get("license_name") or data.get("license") or "no licence stated"
        licence = ", ".join(map(str, licence)) if isinstance(licence, list) else licence
        link = f" ([on the Hub](https://huggingface.co/{card.repository}))" if card.repository else ""
        lines.append(f"- {escape(card.name)}{link}: {escape(licence)}")
    return "\n".join(lines) + "\n"

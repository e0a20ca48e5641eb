"""The tab to compare in: one question by the student, by further students, and by the teacher that never learnt the language."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape

import gradio as gr

from .engine import STUDENT, TEACHER, ZERO_SHOT, DemoEngine, SearchAnswer
from .highlight import card_html, notice_html, words_html
from .search_tab import (
    answer_record,
    example_chooser,
    for_client,
    known_example,
    language_chooser,
    offered_for,
    shown_or_notice,
)
from .settings import DemoSettings
from .words import words_of

_RESULTS = 5
_NAMES = {
    STUDENT: ("Student", "taught by optimal transport"),
    ZERO_SHOT: ("Zero-shot", "the English teacher, untaught"),
    TEACHER: ("Teacher", "English, as trained"),
}


def build_compare_tab(engine: DemoEngine, settings: DemoSettings) -> None:
    """The tab, inside a `gr.Blocks` context. API: `/compare`."""
    gr.HTML(
        '<p class="op-hint">What does distillation bring? The same question goes to the student and to its English teacher, in '
        "front of the same passages. Of example questions it is known which passage answers them.</p>",
    )
    language = language_chooser(engine, only_students=True)
    first = next(choice.code for choice in engine.languages() if choice.code in engine.students)
    with gr.Row(elem_classes="op-ask-row", equal_height=True):
        query = gr.Textbox(label="Your question", lines=1, max_lines=4, scale=8, elem_id="op-compare-query")
        ask = gr.Button("Compare", variant="primary", scale=1, min_width=110, elem_id="op-compare")
    offered = example_chooser(query, engine, first)
    results = min(_RESULTS, settings.max_results)
    shown = gr.HTML(notice_html("Ask something, or pick an example."), elem_id="op-comparison")

    def show_comparison(query: str, language: str) -> str:
        return shown_or_notice(lambda: _comparison(engine, query, language, results))

    common = {"api_visibility": "private", "concurrency_id": "models", "show_progress": "minimal"}
    gr.on([ask.click, query.submit], show_comparison, [query, language], shown, **common)
    offered.click(lambda chosen: chosen[0], offered, query, queue=False, api_visibility="private", show_progress="hidden").then(
        show_comparison, [query, language], shown, **common
    )
    language.change(
        lambda code: offered_for(engine, code), language, offered, queue=False, api_visibility="private", show_progress="hidden"
    )

    def compare_api(query: str, language: str = first, k: int = results) -> dict:
        """The same question by every way in: "student", further students by name, and "zero-shot"; each as `/search` answers."""
        return for_client(lambda: {name: answer_record(answer) for name, answer in engine.compare(query, language, k).items()})

    gr.api(compare_api, api_name="compare", concurrency_id="models")


def comparison_html(answers: Mapping[str, SearchAnswer], relevant: Collection[str] = (), english: str = "") -> str:
    """Rankings side by side; above them, where the answer of an example question stands.

    Args:
        answers: by the name of the way in, of one question.
        relevant: ids of passages that are known to answer it.
    """
    words = words_of(next(iter(answers.values())).query)
    asked = f'<p class="op-english">In English: <q lang="en">{escape(english)}</q></p>' if english else ""
    columns = "".join(_column(name, answer, relevant) for name, answer in answers.items())
    return (
        f'<div class="op-answer">{words_html(words)}{asked}{_verdicts(answers, relevant)}<div class="op-columns">{columns}</div>'
        '<div class="op-live op-unseen" aria-live="polite"></div></div>'
    )


def _comparison(engine: DemoEngine, query: str, language: str, k: int) -> str:
    answers = engine.compare(query, language, k)
    example = known_example(engine, next(iter(answers.values())).query, language)
    return comparison_html(answers, example.relevant, example.english)


def _column(name: str, answer: SearchAnswer, relevant: Collection[str]) -> str:
    words = words_of(answer.query)
    title, what = _named(name)
    cards = "".join(card_html(words, answer, rank, relevant) for rank in range(1, len(answer.hits) + 1))
    return (
        f'<section class="op-column" aria-label="{title}"><h3>{title}</h3><p>{what} · {_milliseconds(answer)}</p>'
        f'<ol class="op-cards">{cards or notice_html("No passage was found.")}</ol></section>'
    )


def _verdicts(answers: Mapping[str, SearchAnswer], relevant: Collection[str]) -> str:
    if not relevant:
        return '<p class="op-facts">Which passage answers this question is not known: judge for yourself.</p>'
    entries = ""
    for name, answer in answers.items():
        found = ' class="op-found"' if _rank(answer, relevant) else ""
        entries += f"<li{found}><strong>{_named(name)[0]}</strong> {_place(answer, relevant)}</li>"
    return f'<ul class="op-verdicts" aria-label="Where the answer stands">{entries}</ul>'


def _place(answer: SearchAnswer, relevant: Collection[str]) -> str:
    rank = _rank(answer, relevant)
    if rank is None:
        return f'<span aria-hidden="true">✗</span> the answer is not among the first {len(answer.hits)}'
    return f'<span aria-hidden="true">✓</span> the answer is at rank {rank}'


def _rank(answer: SearchAnswer, relevant: Collection[str]) -> int | None:
    return next((rank for rank, hit in enumerate(answer.hits, 1) if hit.id in relevant), None)


def _named(name: str) -> tuple[str, str]:
    return _NAMES.get(name) or (escape(name), "another student of this language")


def _milliseconds(answer: SearchAnswer) -> str:
    return f"{max(1, round(1000 * answer.seconds)):,} ms"

"""The tab to ask in: a question, its language, and the passages that answer it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from .engine import DemoEngine, SearchAnswer
from .errors import DemoError
from .examples import Example
from .highlight import answer_html, notice_html
from .settings import DemoSettings

logger = logging.getLogger(__name__)

# Passages shown unless asked otherwise.
_RESULTS = 5
# Example questions offered for a language; longer ones, which gradio cuts, only when shorter ones run out.
_EXAMPLES, _SHORT = 6, 55
_LEXICAL = "Find names and numbers by their letters, too (BM25)"
_VARIANTS = "Ask for unknown words as they are spelt in English, too"
_SAMPLE = (
    "These are small models, trained within minutes on 2,000 sentence pairs that come with the package: enough to see how it "
    "works, and often wrong."
)
_UNEXPECTED = "Something went wrong here; please try again, or ask something else."


def build_search_tab(engine: DemoEngine, settings: DemoSettings) -> None:
    """The tab, inside a `gr.Blocks` context. API: `/search`."""
    languages = engine.languages()
    first = languages[0].code
    start = _first_example(engine, first)
    results = min(_RESULTS, settings.max_results)

    if settings.uses_sample:
        gr.HTML(f'<p class="op-hint">{_SAMPLE}</p>')
    with gr.Column(elem_classes="op-ask"):
        language = language_chooser(engine)
        with gr.Row(elem_classes="op-ask-row", equal_height=True):
            query = gr.Textbox(
                value=start.text if start else "",
                label="Your question",
                placeholder=_placeholder(languages[0].native_name),
                lines=1,
                max_lines=4,
                scale=8,
                elem_id="op-query",
                autofocus=False,
            )
            ask = gr.Button("Search", variant="primary", scale=1, min_width=110, elem_id="op-search")
        offered = example_chooser(query, engine, first)
        switches = _switches(engine)
        with gr.Accordion("Options", open=False, elem_classes="op-options"):
            k = gr.Slider(1, settings.max_results, value=results, step=1, label="Passages to show")
    shown = gr.HTML(
        _answer(engine, start.text, first, results) if start else notice_html("Ask something, or pick an example."),
        elem_id="op-results",
    )

    def show_answer(query: str, language: str, k: float, *switched: bool) -> str:
        return shown_or_notice(lambda: _answer(engine, query, language, k, **dict(zip(switches, switched, strict=True))))

    asked = [query, language, k, *switches.values()]

    gr.on(
        [ask.click, query.submit, *(switch.input for switch in switches.values())],
        show_answer,
        asked,
        shown,
        api_visibility="private",
        concurrency_id="models",
        concurrency_limit=settings.concurrency,
        show_progress="minimal",
    )
    offered.click(lambda chosen: chosen[0], offered, query, queue=False, api_visibility="private", show_progress="hidden").then(
        show_answer, asked, shown, api_visibility="private", concurrency_id="models", show_progress="minimal"
    )
    language.change(
        lambda code: (offered_for(engine, code), gr.Textbox(placeholder=_placeholder(_native_name(engine, code)))),
        language,
        [offered, query],
        queue=False,
        api_visibility="private",
        show_progress="hidden",
    )

    def search_api(
        query: str,
        language: str = first,
        k: int = results,
        lexical: bool = engine.has_lexical,
        spelling_variants: bool = engine.has_variants,
    ) -> dict:
        """The best English passages for a question in a language that has a student (its code, such as "sw"; "en" for English).
        `lexical`: names and numbers are found by their letters, too, where the demo has BM25. `spelling_variants`: unknown words
        are asked for as they are spelt in English, too, where the demo has them."""
        return for_client(lambda: answer_record(engine.search(query, language, k, lexical, spelling_variants)))

    gr.api(search_api, api_name="search", concurrency_id="models")


def language_chooser(engine: DemoEngine, only_students: bool = False) -> gr.Radio | gr.Dropdown:
    """Languages by native name: all at a glance while they are few, else a list to type into."""
    offered = [choice for choice in engine.languages() if not only_students or choice.code in engine.students]
    choices = [(choice.label, choice.code) for choice in offered]
    kind = gr.Radio if len(choices) <= 5 else gr.Dropdown
    return kind(choices, value=choices[0][1], label="Language of your question", elem_classes="op-language")


def example_chooser(query: gr.Textbox, engine: DemoEngine, language: str) -> gr.Dataset:
    """Example questions to click; `offered_for` changes them with the language."""
    return gr.Dataset(components=[query], label="Examples", elem_classes="op-examples", **_offered(engine, language))


def offered_for(engine: DemoEngine, language: str) -> gr.Dataset:
    """The example questions of a language, as an update."""
    return gr.Dataset(**_offered(engine, language))


def offered_examples(engine: DemoEngine, language: str) -> list[Example]:
    """The first short example questions of a language."""
    return sorted(engine.examples(language), key=lambda example: len(example.text) > _SHORT)[:_EXAMPLES]


def known_example(engine: DemoEngine, query: str, language: str) -> Example:
    """The example that is asked; one of which nothing is known if it is none."""
    return next((example for example in engine.examples(language) if example.text == query), Example(query))


def shown_or_notice(build: Callable[[], str]) -> str:
    """HTML, or the friendly message of what went wrong, in its place and as a warning."""
    try:
        return build()
    except DemoError as error:
        message = str(error)
    except Exception as error:
        logger.error("the demo could not answer", exc_info=error)
        message = _UNEXPECTED
    gr.Warning(message, duration=4)
    return notice_html(message)


def for_client(build: Callable[[], dict]) -> dict:
    """A record, or an error that a client of the API can read."""
    try:
        return build()
    except DemoError as error:
        raise gr.Error(str(error), print_exception=False) from None
    except Exception as error:
        logger.error("the demo could not answer", exc_info=error)
        raise gr.Error(_UNEXPECTED, print_exception=False) from None


def answer_record(answer: SearchAnswer) -> dict[str, Any]:
    """An answer for a client of the API. Joined scores are small: they get more decimals."""
    decimals = 6 if answer.lexical_weight else 4
    hits = [
        {
            "id": hit.id,
            "score": round(hit.score, decimals),
            "text": hit.text,
            "metadata": hit.metadata,
            "matches": [
                {"query": m.query_text, "passage": m.document_text, "similarity": round(m.similarity, 4)}
                for m in hit.matches
                if m.document
            ],
        }
        for hit in answer.hits
    ]
    facts = {"query": answer.query, "language": answer.language, "seconds": round(answer.seconds, 4)}
    facts |= {"searched": answer.searched, "highest_score": round(answer.highest_score, decimals)}
    facts["spelling_variants"] = [{"word": word, "variant": variant} for word, variant in answer.variants]
    return facts | {"lexical_weight": answer.lexical_weight, "hits": hits}


def _switches(engine: DemoEngine) -> dict[str, gr.Checkbox]:
    """Boxes for what the demo was started with, by the name that `DemoEngine.search` has for it."""
    offered = [("lexical", _LEXICAL, engine.has_lexical), ("variants", _VARIANTS, engine.has_variants)]
    return {name: gr.Checkbox(value=True, label=label, elem_id=f"op-{name}") for name, label, there in offered if there}


def _answer(engine: DemoEngine, query: str, language: str, k: float, **switched: bool) -> str:
    answer = engine.search(query, language, k, **switched)
    example = known_example(engine, answer.query, language)
    english = example.english if language != "en" else ""
    return answer_html(answer, engine.glosses(query, language, answer), example.relevant, english, tell_order=engine.has_lexical)


def _first_example(engine: DemoEngine, language: str) -> Example | None:
    """What is on the page before anything is asked: the first example that is answered as it is meant to be."""
    examples = offered_examples(engine, language)
    for example in examples:
        hits = engine.search(example.text, language, 1).hits
        if hits and hits[0].id in example.relevant:
            return example
    return examples[0] if examples else None


def _offered(engine: DemoEngine, language: str) -> dict[str, Any]:
    texts = [example.text for example in offered_examples(engine, language)]
    return {"samples": [[text] for text in texts], "visible": bool(texts)}


def _native_name(engine: DemoEngine, code: str) -> str:
    return next((choice.native_name for choice in engine.languages() if choice.code == code), code)


def _placeholder(native_name: str) -> str:
    return f"Ask in {native_name}"

"""The tab to align in: two sentences, and the transport plan between their words."""

from __future__ import annotations

import math
from typing import Any

import gradio as gr

from .alignment import LARGEST_EPSILON, SMALLEST_EPSILON, align
from .alignment_examples import alignment_examples
from .alignment_sentence import SAMPLE_LANGUAGE
from .alignment_summary import partners, summary
from .engine import ENGLISH, DemoEngine
from .heat_map import heat_map, legend
from .highlight import notice_html
from .ribbons import ribbons
from .search_tab import for_client, shown_or_notice
from .settings import DemoSettings

_EPSILON = 0.05
_INTRODUCTION = """<div class="op-hint optical-intro"><p>Every word of one sentence is a <strong>load</strong>, and every word of
the other has <strong>room</strong> for some. To carry a load to a word that means the same costs nothing, to any other the more,
the less the two have in common. The <strong>optimal transport plan</strong> is the cheapest way to carry everything. Students
learn by making that cheaper and cheaper on sentence pairs; nobody tells them which word belongs to which.</p></div>"""
_SOLVERS = [("Sinkhorn: soft, as in training", "sinkhorn"), ("IPOT: sharp", "ipot"), ("Exact", "exact")]
_WEIGHTS = [("Every piece the same, as in training", "uniform"), ("Every word the same", "words"), ("Longer words more", "length")]
_RARE = ("Rare words more (IDF)", "idf")
_UNITS = [("Whole words", "words"), ("Pieces of the tokenizers", "pieces")]
_VALUES = [("Where loads go", "plan"), ("Similarity", "similarity")]
_READERS = [("The student", False), ("The English teacher, untrained for it", True)]


def build_alignment_tab(engine: DemoEngine, settings: DemoSettings) -> None:
    """The tab, inside a `gr.Blocks` context. API: `/align`."""
    languages = engine.languages()
    names = {choice.code: choice.native_name for choice in languages}
    first = languages[0].code
    start = (*alignment_examples(first), ("", ""))[0]
    limit = settings.max_query_characters

    gr.HTML(_INTRODUCTION)
    choices = [(choice.label, choice.code) for choice in languages]
    kind = gr.Radio if len(choices) <= 5 else gr.Dropdown
    language = kind(choices, value=first, label="Language beside English", elem_id="op-align-language")
    with gr.Row(equal_height=True):
        foreign = gr.Textbox(
            start[1],
            label=_foreign_label(names, first),
            lines=2,
            max_lines=4,
            max_length=limit,
            min_width=260,
            elem_id="op-align-foreign",
        )
        english = gr.Textbox(
            start[0], label="Sentence in English", lines=2, max_lines=4, max_length=limit, min_width=260, elem_id="op-align-english"
        )
    run = gr.Button("Align", variant="primary", elem_id="op-align")
    offered = gr.Dataset(
        components=[foreign],
        samples=_samples(first),
        label="Examples",
        visible=bool(alignment_examples(first)),
        elem_classes="op-examples",
    )
    with gr.Accordion("Play with it", open=False, elem_id="op-align-options"):
        with gr.Row():
            solver = gr.Radio(_SOLVERS, value="sinkhorn", label="Solver", min_width=260)
            exponent = gr.Slider(
                math.log10(SMALLEST_EPSILON),
                math.log10(LARGEST_EPSILON),
                value=math.log10(_EPSILON),
                step=0.05,
                label=_epsilon_label(_EPSILON),
                info="Small: every load goes the cheapest way. Large: loads spread. The scale is logarithmic.",
                elem_classes="optical-epsilon",
                elem_id="op-align-epsilon",
                min_width=260,
                buttons=[],
            )
        with gr.Row():
            weights = gr.Radio(_weights(first), value="uniform", label="How large is a word's load?", min_width=260)
            unit = gr.Radio(_UNITS, value="words", label="Show", min_width=260)
        with gr.Row():
            values = gr.Radio(_VALUES, value="plan", label="Heat map of", min_width=260)
            untrained = gr.Radio(_READERS, value=False, label="Who reads the sentence that is not English?", min_width=260)

    def figures(
        english: str,
        foreign: str,
        language: str,
        solver: str,
        exponent: float,
        weights: str,
        unit: str,
        values: str,
        untrained: bool,
    ) -> str:
        options = {"solver": solver, "epsilon": epsilon_of(exponent), "weights": weights, "unit": unit, "untrained": untrained}
        return shown_or_notice(lambda: figures_html(engine, english, foreign, language, names.get(language, ""), values, **options))

    inputs = [english, foreign, language, solver, exponent, weights, unit, values, untrained]
    empty = notice_html("Write the same sentence in both languages, then press Align.")
    begin = [*start, first, "sinkhorn", math.log10(_EPSILON), "uniform", "words", "plan", False]
    shown = gr.HTML(figures(*begin) if all(start) else empty, elem_id="op-alignment")

    common: dict[str, Any] = {
        "api_visibility": "private",
        "concurrency_id": "models",
        "show_progress": "minimal",
        "trigger_mode": "always_last",
    }
    quick: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
    options = [part.input for part in (solver, weights, unit, values, untrained)]
    gr.on([run.click, english.submit, foreign.submit, exponent.change, *options], figures, inputs, shown, **common)
    exponent.change(lambda value: gr.Slider(label=_epsilon_label(epsilon_of(value))), exponent, exponent, **quick)
    solver.change(lambda name: gr.Slider(interactive=name == "sinkhorn"), solver, exponent, **quick)

    def take(sample: list[str], code: str) -> tuple[str, str]:
        foreign = sample[0] if sample else ""
        return foreign, next((english for english, other in alignment_examples(code) if other == foreign), "")

    def change_language(code: str) -> tuple[Any, ...]:
        example = (*alignment_examples(code), ("", ""))[0]
        samples = gr.Dataset(samples=_samples(code), visible=bool(alignment_examples(code)))
        label = _foreign_label(names, code)
        return gr.Textbox(example[1], label=label), example[0], samples, gr.Radio(_weights(code), value="uniform")

    def figures_or_nothing(*values: Any) -> str:
        return figures(*values) if values[0] or values[1] else empty

    offered.click(take, [offered, language], [foreign, english], **quick).then(figures, inputs, shown, **common)
    language.change(change_language, language, [foreign, english, offered, weights], **quick).then(
        figures_or_nothing, inputs, shown, **common
    )

    def align_api(
        english: str,
        foreign: str,
        language: str = first,
        solver: str = "sinkhorn",
        epsilon: float = _EPSILON,
        weights: str = "uniform",
        unit: str = "words",
        untrained: bool = False,
    ) -> dict:
        """The transport plan between two sentences (rows: foreign, columns: English), its cost, and greedy alignment beside it.

        solver: sinkhorn, ipot, exact. weights: uniform, words, length, idf. unit: words, pieces.
        """
        options = {"solver": solver, "epsilon": epsilon, "weights": weights, "unit": unit, "untrained": untrained}
        return for_client(lambda: align(engine, english, foreign, language, **options).to_dict())

    gr.api(align_api, api_name="align", concurrency_id="models")


def figures_html(
    engine: DemoEngine, english: str, foreign: str, language: str, name: str, values: str = "plan", **options: Any
) -> str:
    """Ribbons, heat map and what they say. Raises DemoError.

    Args:
        name: of the language, as written over its words.
        values: of the heat map.
        options: of `align`.
    """
    alignment = align(engine, english, foreign, language, **options)
    what = "In percent, where the load of each row’s word goes." if values == "plan" else "How alike two words are to the models."
    return (
        f"<section class='optical-figure' aria-label='Cost'><h3>What it costs</h3><p>Distance times load, over all words.</p>"
        f"{summary(alignment)}</section>"
        "<div class='optical-figures'><section class='optical-figure' aria-label='Ribbons'><h3>The plan as ribbons</h3>"
        "<p>As wide as the load they carry. Point at a word, tap it, or walk with the Tab key to follow its ribbons.</p>"
        f"{ribbons(alignment, name)}{partners(alignment, name)}</section>"
        f"<section class='optical-figure' aria-label='Heat map'><h3>The plan as a heat map</h3><p>{what}</p>"
        f"{heat_map(alignment, values, name)}{legend(values)}</section></div>"
    )


def epsilon_of(exponent: float) -> float:
    """Epsilon for a place of the slider, which holds its decimal logarithm; kept within the limits."""
    if isinstance(exponent, bool) or not isinstance(exponent, int | float) or math.isnan(exponent):
        return _EPSILON
    bounded = min(max(exponent, math.log10(SMALLEST_EPSILON)), math.log10(LARGEST_EPSILON))
    return min(max(float(f"{10**bounded:.2g}"), SMALLEST_EPSILON), LARGEST_EPSILON)


def _epsilon_label(epsilon: float) -> str:
    return f"Softness: epsilon {epsilon:g}"


def _foreign_label(names: dict[str, str], code: str) -> str:
    return "Another sentence in English" if code == ENGLISH else f"Sentence in {names.get(code, code)}"


def _samples(code: str) -> list[list[str]]:
    return [[foreign] for _, foreign in alignment_examples(code)]


def _weights(code: str) -> list[tuple[str, str]]:
    return [*_WEIGHTS, *([_RARE] if code == SAMPLE_LANGUAGE else [])]

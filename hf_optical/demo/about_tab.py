"""The tab that tells what it is all about."""

from __future__ import annotations

import gradio as gr

from .about import about_markdown
from .alignment_examples import alignment_examples
from .engine import DemoEngine
from .settings import DemoSettings
from .student_cards import student_cards


def build_about_tab(engine: DemoEngine, settings: DemoSettings) -> None:
    """The tab, inside a `gr.Blocks` context."""
    code = engine.languages()[0].code
    pairs = alignment_examples(code)
    example = (code, *pairs[0]) if pairs else None
    has = {"lexical": engine.has_lexical, "variants": engine.has_variants}
    text = about_markdown(student_cards(engine), sample=settings.uses_sample, example=example, **has)
    gr.Markdown(text, elem_classes="optical-about", elem_id="op-about", latex_delimiters=[])

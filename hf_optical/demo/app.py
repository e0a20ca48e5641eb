"""The whole demo: its tabs on one page, and its start."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .engine import DemoEngine
from .loading import load_engine
from .settings import DemoSettings, quiet_gradio
from .starting_page import StartingPage

quiet_gradio()

import gradio as gr  # noqa: E402  its look-ups are to be off first

from . import alignment_summary, heat_map, ribbons  # noqa: E402
from .about_tab import build_about_tab  # noqa: E402
from .alignment_tab import build_alignment_tab  # noqa: E402
from .compare_tab import build_compare_tab  # noqa: E402
from .search_tab import build_search_tab  # noqa: E402
from .style import CSS, HEAD, HERO  # noqa: E402

logger = logging.getLogger(__name__)

# Nothing is uploaded here; the route for it is gradio's own.
_MAX_UPLOAD = "10kb"
_SECONDS_KEPT = 3600
_SESSIONS = 500
_THREADS = 16
_SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO_FONTS = ("ui-monospace", "Menlo", "Consolas", "monospace")


def build_demo(source: DemoEngine | DemoSettings) -> gr.Blocks:
    """The demo, to be launched with `launch_options`.

    Args:
        source: the engine, or settings to load one of.

    Raises:
        ValueError, OSError: as `load_engine`.
    """
    engine = source if isinstance(source, DemoEngine) else load_engine(source)
    settings = engine.settings
    names = [choice.native_name for choice in engine.languages() if choice.code in engine.students]
    asked_in = names[0] if len(names) == 1 else "your language"
    with gr.Blocks(title="OPTICAL: ask in your language, find English", delete_cache=(_SECONDS_KEPT, _SECONDS_KEPT)) as demo:
        gr.HTML(HERO.replace("LANGUAGE", asked_in), elem_id="op-hero")
        with gr.Tabs(elem_id="op-tabs"):
            with gr.Tab("Search", id="search"):
                build_search_tab(engine, settings)
            if engine.has_teacher:
                with gr.Tab("Alignment", id="alignment"):
                    build_alignment_tab(engine, settings)
                with gr.Tab("Compare", id="compare"):
                    build_compare_tab(engine, settings)
            with gr.Tab("About", id="about"):
                build_about_tab(engine, settings)
    demo.queue(max_size=settings.queue_size, default_concurrency_limit=settings.concurrency)
    return demo


def launch_options(settings: DemoSettings) -> dict[str, Any]:
    """Arguments of `launch`: the look, and the limits that are not the queue's."""
    theme = gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", font=_SYSTEM_FONTS, font_mono=_MONO_FONTS, radius_size="lg", text_size="md"
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        color_accent="*primary_700",
        slider_color="*primary_700",
        checkbox_background_color_selected="*primary_700",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
    )
    return {
        "theme": theme,
        "css": CSS + alignment_summary.CSS + heat_map.CSS + ribbons.CSS,
        "head": HEAD,
        "footer_links": ["api", "settings"],
        "show_error": False,
        "max_threads": _THREADS,
        "max_file_size": _MAX_UPLOAD,
        "state_session_capacity": _SESSIONS,
        "ssr_mode": False,
        "enable_monitoring": False,
        "quiet": True,
    }


def launch(settings: DemoSettings, progress: Callable[[float, str], None] | None = None, *, block: bool = True) -> gr.Blocks:
    """Start the demo and serve it until it is told to stop. While models are made ready, a page on its address tells how far.

    Args:
        progress: also told how far the start is.
        block: wait until it is stopped; otherwise return with the demo running.

    Raises:
        ValueError, OSError: as `load_engine`; the port is taken.
    """
    with StartingPage(settings.host, settings.port) as page:

        def show(part: float, text: str) -> None:
            page.show(part, text)
            if progress:
                progress(part, text)

        demo = build_demo(load_engine(settings, show))
    demo.launch(server_name=settings.host, server_port=page.port, prevent_thread_lock=True, **launch_options(settings))
    logger.info("the demo is on http://%s:%d", "127.0.0.1" if settings.host == "0.0.0.0" else settings.host, page.port)
    if block:
        demo.block_thread()
    return demo

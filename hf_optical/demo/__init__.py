"""The demo: ask in your language, see English passages and why they were found. Needs the extra `demo` (gradio)."""

from .engine import DemoEngine
from .errors import DemoError
from .settings import DemoSettings

__all__ = ["DemoEngine", "DemoError", "DemoSettings"]

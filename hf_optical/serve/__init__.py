"""Search over HTTP: a small service around a Searcher."""

from .app import create_app
from .settings import ServeSettings

__all__ = ["ServeSettings", "create_app"]

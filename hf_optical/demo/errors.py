"""What a visitor of the demo can mend."""

from __future__ import annotations


class DemoError(ValueError):
    """One friendly line that a visitor may read: what was wrong and what to do. Never holds a path or what is inside."""

"""An alignment as ribbons between two columns of words: a ribbon is as wide as the mass it carries. SVG, no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from .alignment import Alignment
from .alignment_sentence import shortened, text_width
from .heat_map import cell_title

_FONT, _LONGEST_LABEL = 15.0, 16
_SPAN, _BLOCK, _GAP, _HEAD = 215.0, 9.0, 7.0, 26.0
# Height of a word with average mass, and the least that a label needs.
_AVERAGE, _LEAST_SLOT = 30.0, 19.0
# Ribbons with less of all mass than this are not drawn: thinner than a hair, they would only be fog.
THINNEST = 0.002
# Words whose ribbons answer to the pointer and the keyboard.
_WORDS = 64
# Seen well on white and on black; they tell neighbours apart, and mean nothing else.
COLOURS = ("#3b82f6", "#d9480f", "#0d9488", "#b43fd0", "#b7791f", "#e11d48", "#2f9e44", "#7c6ae6")

CSS = """
.optical-ribbons { --ribbon-text: #1c1917; --ribbon-page: #ffffff; --ribbon-english: #1d4ed8; }
.dark .optical-ribbons { --ribbon-text: #f5f5f4; --ribbon-page: #1c1917; --ribbon-english: #93c5fd; }
.optical-ribbons svg { display: block; width: 100%; height: auto; margin: 0 auto; font-family: inherit; overflow: visible; }
.optical-ribbons text { fill: var(--ribbon-text); font-size: 15px; }
.optical-ribbons .side { font-size: 12.5px; font-weight: 600; opacity: .75; }
.optical-ribbons .ribbon { transition: opacity .15s; }
.optical-ribbons .word { cursor: pointer; }
.optical-ribbons .word:focus:not(:focus-visible) { outline: none; }
.optical-ribbons .word .hit { fill: transparent; }
.optical-ribbons .word:hover .label, .optical-ribbons .word:focus .label { font-weight: 700; }
.optical-ribbons .block.english { fill: var(--ribbon-english); }
.optical-ribbons .part { font-size: 12.5px; font-weight: 700; opacity: 0; pointer-events: none; paint-order: stroke;
  stroke: var(--ribbon-page); stroke-width: 4px; stroke-linejoin: round; font-variant-numeric: tabular-nums; }
.optical-ribbons svg:has(.word:hover) .ribbon, .optical-ribbons svg:has(.word:focus) .ribbon,
.optical-ribbons svg:has(.ribbon:hover) .ribbon { opacity: .12; }
.optical-ribbons svg .ribbon:hover { opacity: 1; }
@media (prefers-reduced-motion: reduce) { .optical-ribbons .ribbon { transition: none; } }
""" + "".join(
    f".optical-ribbons svg:has(.{side}{i}:is(:hover,:focus)) .ribbon.{end}{i}{'{'}opacity:1{'}'}\n"
    f".optical-ribbons svg:has(.{side}{i}:is(:hover,:focus)) .part.{end}{i}.{at}{'{'}opacity:1{'}'}\n"
    for side, end, at in (("foreign", "f", "right"), ("english", "e", "left"))
    for i in range(_WORDS)
)


class _Slot(NamedTuple):
    """Where a word stands: `middle` of its label, `top` of its block, and how many units a mass of 1 takes."""

    middle: float
    top: float
    height: float
    slot: float


def ribbons(alignment: Alignment, foreign_name: str = "foreign") -> str:
    """SVG of the plan as ribbons, the foreign sentence on the left, in order from top to bottom.

    Every ribbon has its mass in `data-mass`; those of less than `THINNEST` are left out, and how much they carry together is in
    `data-hidden` of the drawing.

    Args:
        foreign_name: the language of the left column.

    Returns:
        HTML; every text in it is escaped.
    """
    n, m = len(alignment.foreign), len(alignment.english)
    given = [sum(row) for row in alignment.plan]
    taken = [sum(row[j] for row in alignment.plan) for j in range(m)]
    scale = _AVERAGE * max(n, m)
    left_column, right_column = _columns(given, taken, scale)
    foreign = [shortened(word, _LONGEST_LABEL) for word in alignment.foreign]
    english = [shortened(word, _LONGEST_LABEL) for word in alignment.english]
    left = max(text_width(label, _FONT) for label in [*foreign, shortened(foreign_name, 14)]) + 10.0
    right = max(text_width(label, _FONT) for label in [*english, "English"]) + 10.0
    from_x, to_x = left + _BLOCK, left + _BLOCK + _SPAN
    width = to_x + _BLOCK + right
    height = max(slot.middle + slot.slot / 2 for slot in (*left_column, *right_column)) + 8.0
    drawn, parts, hidden = _bands(alignment, left_column, right_column, scale, from_x, to_x)
    words = "".join(
        _word(alignment, "foreign", i, label, slot, left, 0.0, left + _BLOCK)
        for i, (label, slot) in enumerate(zip(foreign, left_column, strict=True))
    ) + "".join(
        _word(alignment, "english", j, label, slot, to_x, to_x, width - to_x)
        for j, (label, slot) in enumerate(zip(english, right_column, strict=True))
    )
    name = escape(f"Transport plan as ribbons, from words of the {foreign_name} sentence to words of the English one", quote=True)
    return (
        f'<div class="optical-ribbons"><svg role="group" aria-label="{name}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="max-width:{width * 1.2:.0f}px" data-hidden="{hidden:.9f}" xmlns="http://www.w3.org/2000/svg">'
        f'<g aria-hidden="true"><text class="side" x="{left + _BLOCK:.1f}" y="14" text-anchor="end">'
        f'{escape(shortened(foreign_name, 20))}</text><text class="side" x="{to_x:.1f}" y="14">English</text></g>'
        f'<g>{drawn}</g>{words}<g aria-hidden="true">{parts}</g></svg></div>'
    )


def _columns(given: Sequence[float], taken: Sequence[float], scale: float) -> tuple[list[_Slot], list[_Slot]]:
    """Places of both columns; the shorter one is spread to the height of the longer."""
    slots = [[max(mass * scale, _LEAST_SLOT) for mass in side] for side in (given, taken)]
    tall = max(sum(side) + _GAP * (len(side) - 1) for side in slots)
    columns = []
    for masses, side in zip((given, taken), slots, strict=True):
        spare = tall - sum(side) - _GAP * (len(side) - 1)
        gap, y = _GAP + spare / len(side), _HEAD + spare / len(side) / 2
        column = []
        for mass, slot in zip(masses, side, strict=True):
            column.append(_Slot(y + slot / 2, y + (slot - mass * scale) / 2, mass * scale, slot))
            y += slot + gap
        columns.append(column)
    return columns[0], columns[1]


def _bands(
    alignment: Alignment, left: Sequence[_Slot], right: Sequence[_Slot], scale: float, from_x: float, to_x: float
) -> tuple[str, str, float]:
    """The ribbons, the percentages at their ends, and the mass of the ribbons that are too thin."""
    bands, parts, hidden = [], [], 0.0
    used_right = [slot.top for slot in right]
    bend = (to_x - from_x) / 2
    for i, row in enumerate(alignment.plan):
        y = left[i].top
        for j, mass in enumerate(row):
            thick, y_right = mass * scale, used_right[j]
            if mass < THINNEST:
                hidden += mass
            else:
                share = alignment.share(i, j)
                path = (
                    f"M{from_x:.1f},{y:.2f}C{from_x + bend:.1f},{y:.2f} {to_x - bend:.1f},{y_right:.2f} {to_x:.1f},{y_right:.2f}"
                    f"V{y_right + thick:.2f}C{to_x - bend:.1f},{y_right + thick:.2f} {from_x + bend:.1f},{y + thick:.2f} "
                    f"{from_x:.1f},{y + thick:.2f}Z"
                )
                bands.append(
                    f'<path class="ribbon f{i} e{j}" data-mass="{mass:.9f}" d="{path}" fill="{COLOURS[i % len(COLOURS)]}" '
                    f'fill-opacity="{0.2 + 0.55 * share:.2f}"><title>{escape(cell_title(alignment, i, j))}</title></path>'
                )
                of_english = mass / max(sum(line[j] for line in alignment.plan), 1e-12)
                parts.append(_part(f"f{i} e{j} right", to_x - 8, y_right + thick / 2, share, "end"))
                parts.append(_part(f"f{i} e{j} left", from_x + 8, y + thick / 2, of_english, "start"))
            y += thick
            used_right[j] += thick
    return "".join(bands), "".join(parts), hidden


def _part(classes: str, x: float, y: float, share: float, anchor: str) -> str:
    if share < 0.02:
        return ""
    return f'<text class="part {classes}" x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="{anchor}">{100 * share:.0f} %</text>'


def _word(alignment: Alignment, side: str, i: int, label: str, slot: _Slot, block_x: float, hit_x: float, hit_width: float) -> str:
    """Block, label, and an area to hover, tap or focus."""
    foreign = side == "foreign"
    if foreign:
        shares, names, verb = [alignment.share(i, j) for j in range(len(alignment.english))], alignment.english, "goes to"
    else:
        column = [row[i] for row in alignment.plan]
        shares, names, verb = [mass / max(sum(column), 1e-12) for mass in column], alignment.foreign, "comes from"
    order = sorted(range(len(shares)), key=lambda k: -shares[k])[:4]
    best = ", ".join(f"{names[k]} {100 * shares[k]:.0f} percent" for k in order if shares[k] >= 0.02)
    spoken = f"{(alignment.foreign if foreign else alignment.english)[i]} {verb}: {best}"
    fill = f' fill="{COLOURS[i % len(COLOURS)]}"' if foreign else ""
    x, anchor = (block_x - 7, "end") if foreign else (block_x + _BLOCK + 7, "start")
    return (
        f'<g class="word {side}{i}" tabindex="0" role="img" aria-label="{escape(spoken, quote=True)}">'
        f'<title>{escape(spoken)}</title><rect class="hit" x="{hit_x + 1:.1f}" y="{slot.middle - slot.slot / 2 - 2:.1f}" '
        f'width="{hit_width - 2:.1f}" height="{slot.slot + 4:.1f}" rx="5"/>'
        f'<rect class="block {side}" x="{block_x:.1f}" y="{slot.top:.2f}" width="{_BLOCK:.0f}" height="{max(slot.height, 1):.2f}" '
        f'rx="2.5"{fill}/><text class="label" x="{x:.1f}" y="{slot.middle + 5:.1f}" text-anchor="{anchor}">{escape(label)}</text>'
        "</g>"
    )

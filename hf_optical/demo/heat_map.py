"""An alignment as a heat map: rows are the foreign words, columns the English ones. SVG, no script."""

from __future__ import annotations

from html import escape

from .alignment import Alignment
from .alignment_sentence import shortened, text_width

VALUES = ("plan", "similarity")
_CELL_WIDTH, _CELL_HEIGHT, _FONT = 38.0, 34.0, 15.0
_LONGEST_LABEL = 16
_TILT = 50  # degrees of the column labels
_COS, _SIN = 0.643, 0.766
# Numbers that are always there; the others come with the pointer, a tap or the keyboard.
_ALWAYS_SHOWN = 0.2
# Up to here a cell is pale enough for the page's text colour, from the next on it is deep enough for the inverse one: shades
# between the two would be hard to read on, so there are none.
_SWITCH, _PALE, _DEEP = 0.6, 0.66, 0.88
# Columns whose label answers to the pointer.
_COLUMNS = 48

# accent, text on pale cells, text on deep cells; tests/demo/test_heat_map.py computes the contrasts
LIGHT = {"accent": "#115e59", "text": "#1c1917", "inverse": "#ffffff", "page": "#ffffff"}
DARK = {"accent": "#22b3a6", "text": "#ffffff", "inverse": "#08211e", "page": "#1c1917"}

CSS = (
    f"""
.optical-heat {{ --heat: {LIGHT["accent"]}; --heat-text: {LIGHT["text"]}; --heat-inverse: {LIGHT["inverse"]}; overflow-x: auto;
  -webkit-overflow-scrolling: touch; border-radius: 10px; }}
.dark .optical-heat {{ --heat: {DARK["accent"]}; --heat-text: {DARK["text"]}; --heat-inverse: {DARK["inverse"]}; }}
"""
    + """
.optical-heat:focus-visible { outline: 2px solid var(--heat); outline-offset: 2px; }
.optical-heat svg { display: block; height: auto; margin: 0 auto; font-family: inherit; }
.optical-heat text { fill: var(--heat-text); font-size: 15px; }
.optical-heat .cell rect.shade { fill: var(--heat); }
.optical-heat .cell rect.frame { fill: transparent; stroke: var(--heat-text); stroke-opacity: .16; }
.optical-heat .cell .pair { fill: var(--heat-text); stroke: none; }
.optical-heat .cell.deep .pair { fill: var(--heat-inverse); }
.optical-heat .cell .value { font-size: 12.5px; font-weight: 600; text-anchor: middle; opacity: 0; pointer-events: none;
  font-variant-numeric: tabular-nums; transition: opacity .12s; }
.optical-heat .cell.deep .value { fill: var(--heat-inverse); }
.optical-heat .cell .value.shown, .optical-heat .row:hover .value, .optical-heat .row:focus .value { opacity: 1; }
.optical-heat .row { cursor: default; }
.optical-heat .row:focus:not(:focus-visible) { outline: none; }
.optical-heat .row:hover .label, .optical-heat .row:focus .label { font-weight: 700; }
.optical-heat .row:focus-visible .label { text-decoration: underline; text-decoration-thickness: 2px; text-underline-offset: 4px; }
.optical-heat .cell:hover rect.frame, .optical-heat .row:focus-visible rect.frame { stroke-opacity: .9; stroke-width: 1.5; }
.optical-heat .axis { font-size: 12px; opacity: .75; }
.optical-heat-legend { display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; align-items: center; font-size: .85rem;
  margin: .5rem 0 0; color: var(--body-text-color, inherit); }
.optical-heat-legend .ramp { display: inline-block; width: 5.5rem; height: .7rem; border-radius: 4px; vertical-align: middle;
  margin: 0 .4rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent);
  background: linear-gradient(90deg, transparent, #115e59); }
.dark .optical-heat-legend .ramp { background: linear-gradient(90deg, transparent, #22b3a6); }
.optical-heat-legend .dot { display: inline-block; width: .5rem; height: .5rem; border-radius: 50%; background: currentColor;
  margin-right: .4rem; }
@media (prefers-reduced-motion: reduce) { .optical-heat .value { transition: none; } }
"""
    + "".join(f".optical-heat svg:has(.c{j}:hover) .h{j}{'{'} font-weight: 700; {'}'}\n" for j in range(_COLUMNS))
)


def opacity(value: float) -> float:
    """How deep a cell is coloured for a value from 0 to 1; it leaps where the colour of the number changes."""
    value = min(1.0, max(0.0, value))
    if value <= _SWITCH:
        return _PALE * value / _SWITCH
    return _DEEP + (1.0 - _DEEP) * (value - _SWITCH) / (1.0 - _SWITCH)


def heat_map(alignment: Alignment, values: str = "plan", foreign_name: str = "foreign") -> str:
    """SVG of the plan, or of the similarities, in an element that scrolls sideways on a narrow screen.

    Args:
        values: `plan`: of what a foreign word has, the part in percent that goes to an English word; `similarity`: 100 times the
            cosine, where colour begins at 0.
        foreign_name: the language of the rows.

    Returns:
        HTML; every text in it is escaped.

    Raises:
        ValueError: `values` is something else.
    """
    if values not in VALUES:
        raise ValueError(f"values must be plan or similarity, got {values!r}.")
    rows = [shortened(word, _LONGEST_LABEL) for word in alignment.foreign]
    columns = [shortened(word, _LONGEST_LABEL) for word in alignment.english]
    left = 14.0 + max(text_width(label, _FONT) for label in rows)
    lengths = [text_width(label, _FONT) for label in columns]
    top = 16.0 + _SIN * max(lengths)
    right = max(_COS * length - (len(columns) - 1 - j) * _CELL_WIDTH for j, length in enumerate(lengths))
    width = left + _CELL_WIDTH * len(columns) + max(8.0, right - _CELL_WIDTH / 2 + 14.0)
    height = top + _CELL_HEIGHT * len(rows) + 6.0
    heads = "".join(
        f'<text class="h{j}" transform="translate({left + (j + 0.5) * _CELL_WIDTH + 3:.1f} {top - 8:.1f}) rotate(-{_TILT})">'
        f"<title>{escape(alignment.english[j])}</title>{escape(label)}</text>"
        for j, label in enumerate(columns)
    )
    body = "".join(_row(alignment, i, label, left, top + i * _CELL_HEIGHT, values) for i, label in enumerate(rows))
    what = "Heat map of the transport plan" if values == "plan" else "Heat map of similarities"
    name = escape(f"{what}: rows are words of the {foreign_name} sentence, columns of the English one", quote=True)
    return (
        f'<div class="optical-heat" role="region" tabindex="0" aria-label="{name}">'
        f'<svg role="group" aria-label="{name}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="width:min(100%,{width * 1.15:.0f}px);min-width:{width * 0.72:.0f}px" xmlns="http://www.w3.org/2000/svg">'
        f'<g aria-hidden="true">{heads}</g>{body}</svg></div>'
    )


def legend(values: str = "plan") -> str:
    """What colours and dots mean, in HTML."""
    low, high = ("0 %", "100 % of a row’s word") if values == "plan" else ("0", "100: similarity, in hundredths")
    scale = f"{low}<i class='ramp'></i>{high}"
    dot = "<span><i class='dot'></i>paired by greedy alignment</span>"
    return f"<p class='optical-heat-legend'><span>{scale}</span>{dot}</p>"


def cell_title(alignment: Alignment, i: int, j: int) -> str:
    """What there is to say of a pair of words, as plain text."""
    greedy = "; paired by greedy alignment" if (i, j) in alignment.greedy_pairs else ""
    word, share = alignment.foreign[i], 100 * alignment.share(i, j)
    return (
        f"{word} → {alignment.english[j]}: {share:.0f} % of “{word}” goes here; "
        f"similarity {alignment.similarity[i][j]:.2f}, cost {1 - alignment.similarity[i][j]:.2f}{greedy}"
    )


def _row(alignment: Alignment, i: int, label: str, left: float, top: float, values: str) -> str:
    cells = []
    for j in range(len(alignment.english)):
        value = alignment.share(i, j) if values == "plan" else max(0.0, alignment.similarity[i][j])
        x, number = left + j * _CELL_WIDTH, round(100 * value)
        classes = f"cell c{j}" + (" deep" if value > _SWITCH else "")
        shown = " shown" if value >= _ALWAYS_SHOWN else ""
        pair = f'<circle class="pair" cx="{x + 7:.1f}" cy="{top + 7:.1f}" r="3"/>' if (i, j) in alignment.greedy_pairs else ""
        cells.append(
            f'<g class="{classes}"><title>{escape(cell_title(alignment, i, j))}</title>'
            f'<rect class="shade" x="{x + 1:.1f}" y="{top + 1:.1f}" width="{_CELL_WIDTH - 2:.0f}" height="{_CELL_HEIGHT - 2:.0f}" '
            f'rx="5" fill-opacity="{opacity(value):.3f}"/>'
            f'<rect class="frame" x="{x + 1:.1f}" y="{top + 1:.1f}" width="{_CELL_WIDTH - 2:.0f}" height="{_CELL_HEIGHT - 2:.0f}" '
            f'rx="5"/>{pair}'
            f'<text class="value{shown}" x="{x + _CELL_WIDTH / 2:.1f}" y="{top + _CELL_HEIGHT / 2 + 4.5:.1f}">{number}</text></g>'
        )
    return (
        f'<g class="row" tabindex="0" role="img" aria-label="{escape(_row_summary(alignment, i, values), quote=True)}">'
        f'<text class="label" x="{left - 8:.1f}" y="{top + _CELL_HEIGHT / 2 + 5:.1f}" text-anchor="end">'
        f"<title>{escape(alignment.foreign[i])}</title>{escape(label)}</text>{''.join(cells)}</g>"
    )


def _row_summary(alignment: Alignment, i: int, values: str) -> str:
    row = [alignment.share(i, j) if values == "plan" else alignment.similarity[i][j] for j in range(len(alignment.english))]
    order = sorted(range(len(row)), key=lambda j: -row[j])[:3]
    unit = " percent" if values == "plan" else ""
    best = ", ".join(f"{alignment.english[j]} {100 * row[j]:.0f}{unit}" for j in order if row[j] >= 0.01)
    return f"{alignment.foreign[i]}: {best}"

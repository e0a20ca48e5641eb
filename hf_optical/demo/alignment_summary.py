"""What an alignment says, in plain words and a few numbers. HTML, no script."""

from __future__ import annotations

from html import escape

from .alignment import Alignment

# Up to here the plan is as good as exact about who gives and takes how much.
_SMALL_ERROR = 1e-3
# Costs that differ by less are told as the same.
_NO_DIFFERENCE = 0.002
# Of a word's partners those are named that take at least this part of it.
_LEAST_SHARE = 0.1

CSS = """
#op-alignment .html-container { padding: 0 !important; }
.optical-intro { max-width: 46rem; }
.optical-intro p { margin: .2rem 0 .4rem; line-height: 1.55; }
.optical-figures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr));
  align-items: start; margin-top: 1rem; }
.optical-figures > .optical-figure { min-width: 0; }
.optical-figure { border: 1px solid var(--op-line, #e0dcd7); border-radius: 1rem; background: var(--op-card, #fff); padding: 1rem; }
.dark .optical-figure { background: var(--op-card, #1c1917); }
.optical-figure h3 { margin: 0 0 .2rem; font-size: 1.05rem; color: var(--op-ink, inherit); }
.optical-figure > p:first-of-type { margin: 0 0 .6rem; font-size: .9rem; line-height: 1.45; color: var(--op-soft, inherit); }
.optical-epsilon .tab-like-container, .optical-epsilon .min_value, .optical-epsilon .max_value { display: none; }
.optical-epsilon input[type=range] { min-height: 1.6rem; }
@media (max-width: 640px) { .optical-figure { padding: .8rem .6rem; } }
.optical-sum { color: var(--body-text-color, inherit); line-height: 1.55; }
.optical-sum p { margin: .5rem 0; }
.optical-costs { display: grid; grid-template-columns: max-content 1fr auto; grid-auto-flow: dense; gap: .45rem .8rem;
  align-items: center; margin: .6rem 0; padding: 0; }
.optical-costs dt { grid-column: 1; }
.optical-costs .bar { grid-column: 2; }
.optical-costs .number { grid-column: 3; }
.optical-costs dt { font-weight: 650; line-height: 1.25; }
.optical-costs dt small { display: block; font-weight: 400; font-size: .82rem; opacity: .85; }
.optical-costs dd { margin: 0; }
.optical-costs .track { height: .75rem; border-radius: .4rem; background: color-mix(in srgb, currentColor 10%, transparent);
  overflow: hidden; }
.optical-costs .track i { display: block; height: 100%; border-radius: .4rem; background: #78716c; }
.optical-costs .track.own i { background: #0f8078; }
.optical-costs .number { font-weight: 700; font-size: 1.1rem; font-variant-numeric: tabular-nums; text-align: right; }
.optical-sum .fine { font-size: .88rem; opacity: .9; }
.optical-sum .note { border-left: 4px solid #b45309; padding: .2rem .8rem; margin: .6rem 0; }
.optical-partners { margin: .6rem 0 0; }
.optical-partners summary { cursor: pointer; font-weight: 650; padding: .6rem 0; min-height: 44px; box-sizing: border-box; }
.optical-partners table { width: 100%; border-collapse: collapse; font-size: .95rem; }
.optical-partners th, .optical-partners td { text-align: left; padding: .35rem .6rem .35rem 0; vertical-align: top;
  overflow-wrap: anywhere; border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
@media (max-width: 640px) { .optical-costs { grid-template-columns: 1fr auto; }
  .optical-costs .bar { grid-column: 1 / -1; margin-bottom: .3rem; } .optical-costs .number { grid-column: 2; } }
"""


def summary(alignment: Alignment) -> str:
    """The costs as bars, what they mean, and how far the solver came."""
    costs = (
        ("Optimal transport", "cheapest on the whole", alignment.cost, " own"),
        ("Greedy", "most similar pair first", alignment.greedy_filled_cost, ""),
        ("No alignment", "every word to every word", alignment.spread_cost, ""),
    )
    longest = max(max(cost for _, _, cost, _ in costs), 1e-9)
    bars = "".join(
        f"<dt>{name}<small>{what}</small></dt><dd class='number'>{cost:.3f}</dd>"
        f"<dd class='bar' aria-hidden='true'><div class='track{own}'>"
        f"<i style='width:{100 * max(0.0, cost) / longest:.1f}%'></i></div></dd>"
        for name, what, cost, own in costs
    )
    notes = "".join(f"<p class='note'>{escape(note)}</p>" for note in alignment.notes)
    return (
        f"<div class='optical-sum' role='status'>{notes}<dl class='optical-costs'>{bars}</dl>"
        f"<p>{comparison(alignment)}</p><p class='fine'>{accuracy(alignment)}</p></div>"
    )


def comparison(alignment: Alignment) -> str:
    """Transport against greedy alignment, in a few sentences of plain text."""
    cost, greedy = alignment.cost, alignment.greedy_filled_cost
    left = alignment.greedy_left_out
    pieces = "piece" if left == 1 else "pieces"
    alone = f"it leaves {left} {pieces} without a partner" if left else "here none is left over"
    first = (
        f"The cost is the mean distance that a load is carried: 0 between words that mean the same to the models, 1 between "
        f"unrelated ones. Training a student makes it small. Greedy alignment pairs one piece with one, most similar first; "
        f"{alone}, and its pairs cost {alignment.greedy_cost:.3f}. "
    )
    if abs(greedy - cost) < _NO_DIFFERENCE:
        return first + "Made to carry everything, it costs practically as much as transport: no early bargain stood in the way."
    if greedy > cost:
        more = 100 * (greedy / cost - 1) if cost > 1e-6 else 0.0
        by = f", {more:.0f} % more than transport" if more >= 0.5 else ", slightly more than transport"
        return first + f"Made to carry everything, it costs {greedy:.3f}{by}: an early bargain can force a detour later."
    return first + (
        f"Made to carry everything, it costs {greedy:.3f}. Transport costs more here only because its epsilon asks it to spread "
        "its loads; make epsilon smaller, or choose the exact solver, and it is never dearer than greedy."
    )


def accuracy(alignment: Alignment) -> str:
    """Solver, iterations and marginal error, as plain text."""
    solver = {"sinkhorn": f"Sinkhorn with epsilon {alignment.epsilon:.3g}" if alignment.epsilon else "Sinkhorn", "ipot": "IPOT"}
    steps = {"exact": ""}.get(alignment.solver, f" after {alignment.iterations:,} iterations")
    error = alignment.marginal_error
    shown = "below 0.0001" if error < 1e-4 else f"{error:.4f}"
    verdict = (
        "small: every word gives and takes just what it should"
        if error <= _SMALL_ERROR
        else "large: the solver was stopped before every word gave and took what it should, so take the cost with care"
    )
    return f"Solved by {solver.get(alignment.solver, 'the exact solver')}{steps}. Marginal error {shown}, which is {verdict}."


def partners(alignment: Alignment, foreign_name: str = "foreign") -> str:
    """The plan as a table to read: the chief partners of every foreign word."""
    rows = []
    for i, word in enumerate(alignment.foreign):
        order = sorted(range(len(alignment.english)), key=lambda j: -alignment.plan[i][j])
        chief = [j for k, j in enumerate(order) if k == 0 or alignment.share(i, j) >= _LEAST_SHARE][:4]
        shown = ", ".join(f"{escape(alignment.english[j])} {100 * alignment.share(i, j):.0f} %" for j in chief)
        rows.append(f"<tr><th scope='row'>{escape(word)}</th><td>{100 * alignment.foreign_mass[i]:.0f} %</td><td>{shown}</td></tr>")
    return (
        "<details class='optical-partners'><summary>The same as a table</summary><table><thead><tr>"
        f"<th scope='col'>{escape(foreign_name)}</th><th scope='col'>its load</th><th scope='col'>goes to</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></details>"
    )

"""Two sentences, and the optimal transport plan between their tokens: what the Alignment tab shows.

Transport is always solved between the pieces that the tokenizers make, as in training. Words are made afterwards, by adding up
what their pieces carry, so the cost is the same in both views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..losses import greedy_alignment
from ..models import OpticalPreTrainedModel
from ..transport import cosine_cost, exact, ipot, marginals, sinkhorn
from .alignment_sentence import SAMPLE_LANGUAGE, Rarity, encode_sentence, printable, sample_rarity, shortened
from .errors import DemoError

if TYPE_CHECKING:
    from .engine import DemoEngine

SOLVERS = ("sinkhorn", "ipot", "exact")
WEIGHTS = ("uniform", "words", "length", "idf")
UNITS = ("words", "pieces")
SMALLEST_EPSILON, LARGEST_EPSILON = 0.005, 1.0


@dataclass(frozen=True)
class Alignment:
    """The transport plan between a foreign sentence (n units) and its English version (m units).

    Attributes:
        foreign, english: the units as shown, in the order of the sentences: words, or pieces ("-ni": goes on within a word).
        plan: n rows of m: mass carried from a foreign to an English unit; all together 1.
        similarity: n rows of m: cosine of the two units' embeddings; of words the mean over their pieces, by mass.
        foreign_mass, english_mass: the marginals: how much each unit gives and takes; each sums to 1.
        cost: `<P, C>`, the loss that a student is trained with: 0 for the same vectors, 2 for opposite ones.
        spread_cost: cost of the plan without any alignment, each unit to every other.
        greedy_cost: mean cost of the pairs of greedy one-to-one alignment (`losses.greedy_alignment`), which leaves units out.
        greedy_filled_cost: cost of the greedy plan that must carry everything: most similar pieces first, as much as they hold.
        greedy_pairs: (foreign, english) indices of units paired by greedy alignment.
        greedy_left_out: how many pieces greedy alignment leaves without a partner.
        marginal_error: L1 distance of the plan's sums from the marginals.
        iterations, converged, solver, epsilon, weights, unit: how it was solved; `epsilon` is None unless Sinkhorn used it.
        notes: what the reader has to know (a sentence was cut, say).
    """

    foreign: tuple[str, ...]
    english: tuple[str, ...]
    plan: tuple[tuple[float, ...], ...]
    similarity: tuple[tuple[float, ...], ...]
    foreign_mass: tuple[float, ...]
    english_mass: tuple[float, ...]
    cost: float
    spread_cost: float
    greedy_cost: float
    greedy_filled_cost: float
    greedy_pairs: tuple[tuple[int, int], ...]
    greedy_left_out: int
    marginal_error: float
    iterations: int
    converged: bool
    solver: str
    epsilon: float | None
    weights: str
    unit: str
    notes: tuple[str, ...] = ()

    def share(self, i: int, j: int) -> float:
        """Of what foreign unit i has, the part that goes to English unit j: rows add up to 1."""
        mass = sum(self.plan[i])
        return self.plan[i][j] / mass if mass > 0 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def align(
    engine: DemoEngine,
    english: str,
    foreign: str,
    language: str,
    *,
    solver: str = "sinkhorn",
    epsilon: float = 0.05,
    weights: str = "uniform",
    unit: str = "words",
    untrained: bool = False,
) -> Alignment:
    """Align an English sentence with one in a language of the demo, by the models of its engine.

    Args:
        language: code of the foreign sentence's language; "en" is read by the teacher.
        untrained: let the teacher read the foreign sentence, to see what it makes of a language that it never learnt.
        solver, epsilon, weights, unit: as in `align_sentences`.

    Raises:
        DemoError: an unknown language, a text that is empty or too long, an option that there is not.
    """
    codes = [choice.code for choice in engine.languages()]
    if language not in codes:
        raise DemoError(f"There is no student for this language; choose one of {', '.join(codes)}.")
    teacher = engine.teacher
    english, foreign = engine.clean(english, "sentence in English"), engine.clean(foreign, "sentence in the other language")
    with engine.lock:
        return align_sentences(
            english,
            foreign,
            student=teacher if untrained else engine.students.get(language, teacher),
            teacher=teacher,
            solver=solver,
            epsilon=epsilon,
            weights=weights,
            unit=unit,
            rarity=sample_rarity() if weights == "idf" and language == SAMPLE_LANGUAGE else None,
        )


@torch.no_grad()
def align_sentences(
    english: str,
    foreign: str,
    *,
    student: OpticalPreTrainedModel,
    teacher: OpticalPreTrainedModel,
    solver: str = "sinkhorn",
    epsilon: float = 0.05,
    weights: str = "uniform",
    unit: str = "words",
    rarity: tuple[Rarity, Rarity] | None = None,
) -> Alignment:
    """Align two sentences by optimal transport between their token embeddings.

    Special tokens ([CLS], markers, [MASK]) take no part: they stand for no word.

    Args:
        english: encoded as a query by the teacher.
        foreign: encoded as a query by the student.
        solver: `sinkhorn` (soft, by `epsilon`), `ipot` or `exact`.
        weights: mass of the pieces: `uniform`; `words` (each word the same); `length` (letters); `idf` (rare words more).
        unit: of what is returned, `words` or `pieces`.
        rarity: weight of an English and of a foreign word, for `idf`.

    Raises:
        DemoError: a sentence without tokens, an option that there is not.
    """
    for name, value, known in (("solver", solver, SOLVERS), ("weights", weights, WEIGHTS), ("unit", unit, UNITS)):
        if value not in known:
            raise DemoError(f"There is no {name} {shortened(printable(str(value)), 40)!r}; choose one of {', '.join(known)}.")
    number = isinstance(epsilon, int | float) and not isinstance(epsilon, bool)
    if not number or not SMALLEST_EPSILON <= epsilon <= LARGEST_EPSILON:
        raise DemoError(f"Epsilon must be a number from {SMALLEST_EPSILON} to {LARGEST_EPSILON:g}.")
    if weights == "idf" and rarity is None:
        raise DemoError("How rare words are is not known for this language; choose other weights.")
    s, t = encode_sentence(student, foreign, "foreign"), encode_sentence(teacher, english, "English")
    if s.embeddings.shape[1] != t.embeddings.shape[1]:
        raise DemoError("This student was not made for this teacher; their vectors have different lengths.")
    cost = cosine_cost(s.embeddings[None], t.embeddings[None])
    rare = rarity or (None, None)
    a = marginals(torch.ones(1, len(s.pieces)), s.weights(weights, rare[1])[None])
    b = marginals(torch.ones(1, len(t.pieces)), t.weights(weights, rare[0])[None])
    result = _solver(solver, epsilon)(cost, a, b)
    pairs = greedy_alignment(-cost, a > 0, b > 0)[0].double()
    plan, cost, a, b = result.plan[0].double(), cost[0].double(), a[0].double(), b[0].double()
    (foreign_units, rows), (english_units, columns) = s.grouping(unit), t.grouping(unit)
    mass_a, mass_b = rows @ a, columns @ b
    mean_cost = (rows @ (a[:, None] * cost * b) @ columns.T) / (mass_a[:, None] * mass_b)
    return Alignment(
        foreign=foreign_units,
        english=english_units,
        plan=_rows(rows @ plan @ columns.T),
        similarity=_rows((1.0 - mean_cost).clamp(-1.0, 1.0)),
        foreign_mass=tuple(mass_a.tolist()),
        english_mass=tuple(mass_b.tolist()),
        cost=float(result.cost[0]),
        spread_cost=float(a @ cost @ b),
        greedy_cost=float((pairs * cost).sum() / pairs.sum()),
        greedy_filled_cost=float((greedy_plan(cost, a, b) * cost).sum()),
        greedy_pairs=tuple((int(i), int(j)) for i, j in (rows @ pairs @ columns.T > 0).nonzero().tolist()),
        greedy_left_out=abs(len(s.pieces) - len(t.pieces)),
        marginal_error=float(result.marginal_error[0]),
        iterations=int(result.iterations[0]),
        converged=bool(result.converged[0]),
        solver=solver,
        epsilon=float(epsilon) if solver == "sinkhorn" else None,
        weights=weights,
        unit=unit,
        notes=tuple(
            f"The {name} sentence is longer than its encoder reads: “{shortened(printable(side.rest), 40)}” is left out."
            for name, side in (("English", t), ("foreign", s))
            if side.rest
        ),
    )


def greedy_plan(cost: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """A plan with the marginals `a` (n) and `b` (m) that takes the cheapest cell of `cost` (n, m) first and fills it up.

    Example:
        >>> greedy_plan(torch.tensor([[0.0, 1.0], [0.1, 9.0]]), torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.5])).tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """
    plan, left_a, left_b = torch.zeros_like(cost), a.tolist(), b.tolist()
    for position in cost.flatten().argsort(stable=True).tolist():
        i, j = divmod(position, cost.shape[1])
        moved = min(left_a[i], left_b[j])
        plan[i, j] = moved
        left_a[i], left_b[j] = left_a[i] - moved, left_b[j] - moved
    return plan


def _solver(name: str, epsilon: float) -> Callable[..., Any]:
    if name == "sinkhorn":
        return partial(sinkhorn, epsilon=epsilon, max_iterations=3000, tolerance=1e-4)
    return partial(ipot, max_iterations=500) if name == "ipot" else exact


def _rows(matrix: Tensor) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())

"""Time of our transport solvers beside POT's, one pair at a time (`ot.sinkhorn`, `ot.emd2`) and batched (`ot.batch`).

    python benchmarks/transport.py [--pairs 64] [--shortest 8] [--longest 32] [--threads 2] [--repeats 15] [--device cpu]

All solve the same ragged problems: cosine cost of random unit vectors, the i-th tokens of the two sides correlated by
`--similarity`, uniform marginals; at most 100 iterations (ipot: 50), tolerance 1e-3. The solvers take turns, so that whatever else
the machine does falls on all of them. Only the solution is timed, not its gradient. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import ot
import torch
from torch import Tensor

from hf_optical.losses import greedy_alignment
from hf_optical.transport import cosine_cost, exact, ipot, marginals, sinkhorn

EPSILONS = (0.1, 0.05, 0.02)


def make_problems(pairs: int, shortest: int, longest: int, similarity: float, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Cost and marginals of ragged random problems, padded to the longest."""
    random = torch.Generator().manual_seed(0)
    teacher, noise = (torch.randn(pairs, longest, 128, generator=random) for _ in range(2))
    student = similarity * teacher + (1 - similarity**2) ** 0.5 * noise
    lengths = torch.randint(shortest, longest + 1, (2, pairs, 1), generator=random)
    cost = cosine_cost(*(torch.nn.functional.normalize(x, dim=-1) for x in (student, teacher)))
    return cost.to(device), *(marginals(torch.arange(longest) < length).to(device) for length in lengths)


def one_by_one(solve: Callable, cost: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Cost of each problem, solved without its padding in numpy."""
    problems = []
    for c, rows, columns in zip(cost.double().cpu().numpy(), a.double().cpu().numpy(), b.double().cpu().numpy(), strict=True):
        mass_a, mass_b = rows[rows > 0], columns[columns > 0]
        problems.append((mass_a / mass_a.sum(), mass_b / mass_b.sum(), c[: len(mass_a), : len(mass_b)]))
    return torch.tensor([(solve(*problem) * problem[2]).sum() for problem in problems])


def contestants(cost: Tensor, a: Tensor, b: Tensor) -> dict[tuple[str, str], Callable[[], Tensor]]:
    """(problem, who) -> a call that returns the cost of every pair."""
    calls: dict[tuple[str, str], Callable[[], Tensor]] = {}
    for epsilon in EPSILONS:
        loop = partial(ot.sinkhorn, reg=epsilon, numItermax=100, stopThr=1e-3, warn=False)
        options = {"max_iter": 100, "tol": 1e-3, "method": "log_sinkhorn", "grad": "detach"}
        name = f"sinkhorn, epsilon {epsilon}"
        calls[name, "hf_optical"] = lambda epsilon=epsilon: sinkhorn(cost, a, b, epsilon=epsilon).cost
        calls[name, "POT loop"] = lambda loop=loop: one_by_one(loop, cost, a, b)
        calls[name, "ot.batch"] = lambda e=epsilon, o=options: (ot.solve_batch(cost, e, a, b, **o).plan * cost).sum((1, 2))
    calls["ipot, beta 0.5", "hf_optical"] = lambda: ipot(cost, a, b).cost
    calls["exact", "hf_optical"] = lambda: exact(cost, a, b).cost
    calls["exact", "POT loop"] = lambda: one_by_one(ot.emd, cost, a, b)
    masks = a > 0, b > 0
    calls["greedy alignment", "hf_optical"] = lambda: (
        (greedy_alignment(-cost, *masks) * cost).sum((1, 2)) / torch.minimum(masks[0].sum(1), masks[1].sum(1))
    )
    return calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--shortest", type=int, default=8, help="tokens of the shortest sentence")
    parser.add_argument("--longest", type=int, default=32, help="tokens of the longest sentence")
    parser.add_argument("--similarity", type=float, default=0.5, help="correlation of the i-th tokens of the two sides")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    problems = make_problems(args.pairs, args.shortest, args.longest, args.similarity, args.device)
    calls = contestants(*problems)
    costs = {key: call().double().cpu() for key, call in calls.items()}  # the first call warms up
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    for _ in range(args.repeats):
        for key, call in calls.items():
            start = time.perf_counter()
            call().sum().item()  # waits for the device
            seconds[key].append(time.perf_counter() - start)
    device = torch.cuda.get_device_name() if args.device.startswith("cuda") else platform.machine()
    sizes = f"{args.pairs} pairs of {args.shortest} to {args.longest} tokens, similarity {args.similarity}"
    versions = f"torch {torch.__version__}, POT {ot.__version__}"
    print(f"{sizes}; {args.threads} threads, {device}, {versions}; median (fastest) of {args.repeats} runs.\n")
    columns = ("hf_optical", "POT loop", "ot.batch")
    print(
        f"| | {' | '.join(f'{column}, ms' for column in columns)} | mean cost over exact | largest difference of cost to POT loop |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    optimum = costs["exact", "POT loop"].mean()
    for name in dict.fromkeys(name for name, _ in calls):
        times = [[1000 * s for s in seconds.get((name, column), [])] for column in columns]
        cells = [f"{statistics.median(t):.1f} ({min(t):.1f})" if t else "" for t in times]
        # the pairs that greedy alignment leaves out cost it nothing: not to be compared
        over = "" if name.startswith("greedy") else f"{100 * (costs[name, 'hf_optical'].mean() / optimum - 1):+.2f} %"
        reference = costs.get((name, "POT loop"))
        difference = "" if reference is None else f"{(costs[name, 'hf_optical'] - reference).abs().max():.0e}"
        print(f"| {name} | {' | '.join(cells)} | {over} | {difference} |")


if __name__ == "__main__":
    main()

"""The main job: `accelerate launch train.py [CONFIG.yaml] [--key value ...]`.

Without an argument, teacher and Swahili student are trained from scratch on the sample that the package brings along, and
evaluated. With a configuration (see `configs/`), a student is distilled from one's own teacher and bitext; flags override the file.
"""

import os
import sys

from hf_optical.cli import command, run


def main(argv: list[str]) -> None:
    if argv:
        return command("distill")(argv)
    from accelerate import PartialState

    from hf_optical.data.sample_data import SAMPLE
    from hf_optical.evaluation import results_table
    from hf_optical.recipes.sample import run_sample

    results = run_sample("runs")
    if PartialState().is_main_process:
        print(f"\nSwahili questions over 200 English passages:\n\n{results_table(results)}\n")
        print("student: runs/sample-sw\nnext:    ", end="")
        passages = os.path.relpath(SAMPLE / "corpus.jsonl")
        print(f"optical search --student runs/sample-sw --teacher runs/sample-teacher --passages {passages} ", end="")
        print('"Ninawezaje kutuma pesa kwa simu?"')


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:], resumable=len(sys.argv) > 1))

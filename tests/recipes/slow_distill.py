"""`optical`, but a training step takes a tenth of a second and is told on stdout: for tests that interrupt it."""

import sys
import time

from transformers import TrainerCallback

from hf_optical.cli import main
from hf_optical.training import OpticalTrainer


class Slow(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        print("step", state.global_step, file=sys.__stdout__, flush=True)
        time.sleep(0.1)


def train(self, *args, **kwargs):
    self.add_callback(Slow())
    return super(OpticalTrainer, self).train(*args, **kwargs)


if __name__ == "__main__":
    OpticalTrainer.train = train
    sys.exit(main(sys.argv[1:]))

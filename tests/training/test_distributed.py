"""Two CPU processes with gloo: both train, and end with the same weights."""

import copy
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = """
import copy, sys
import torch
from datasets import Dataset
from accelerate import PartialState
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel
from hf_optical.training import *
from hf_optical.training.base_trainer import complete_checkpoints

folder, job, stop = sys.argv[1], sys.argv[2], int(sys.argv[3])
teacher = OpticalTeacherModel.from_pretrained(folder + "/teacher")
common = dict(output_dir=f"{folder}/{job}", use_cpu=True, disable_tqdm=True, max_steps=7, per_device_train_batch_size=4, seed=5,
              learning_rate=1e-3, save_strategy="steps", save_steps=3)
if job == "teacher-run":
    rows = Dataset.from_list([{"query": q, "positive": q + " the", "negatives": []} for q in "water maize school road".split()] * 8)
    trainer = TeacherTrainer(teacher, TeacherTrainingArguments(**common), rows)
elif job == "teacher-groups":
    # 4 or 8 documents in 3 groups, whatever a process has: every forward pass waits for the other process's
    rows = [{"query": "water", "positive": "water the", "negatives": ["maize", "road bus"][:n]} for n in (0, 0, 0, 0, 1) * 12]
    trainer = TeacherTrainer(teacher, TeacherTrainingArguments(document_groups=3, **common), Dataset.from_list(rows))
else:
    student = OpticalStudentModel.from_teacher(teacher, languages=["sw"])
    bitext = Dataset.from_json(folder + "/bitext.jsonl", keep_in_memory=True, cache_dir=folder + "/cache-json")
    args = OpticalTrainingArguments(teacher_cache=folder + "/cache", **common)
    trainer = OpticalTrainer(student, teacher, args, bitext)
state = PartialState()
assert (state.num_processes, state.backend) == (2, "gloo"), state
if stop:
    from transformers import TrainerCallback
    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            control.should_training_stop = state.global_step == stop
    trainer.add_callback(Stop())
    trainer.train()
else:
    found = complete_checkpoints(common["output_dir"])
    trainer.train(resume_from_checkpoint=str(found[-1]) if found else None)
torch.save(trainer.model.state_dict(), f"{folder}/{job}-rank{state.process_index}.pt")
"""


def launch(tmp_path, job, stop=0):
    script = tmp_path / "job.py"
    script.write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(port), str(script)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path), job, str(stop)], env=environment, capture_output=True, text=True, cwd=tmp_path, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(tmp_path / f"{job}-rank{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.fixture
def inputs(tmp_path, tiny_teacher, bitext):
    copy.deepcopy(tiny_teacher).save_pretrained(tmp_path / "teacher")
    bitext.to_json(tmp_path / "bitext.jsonl")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("job", ["student-run", "teacher-run", "teacher-groups"])
def test_both_processes_end_with_the_same_finite_weights(inputs, tiny_teacher, job):
    one, other = launch(inputs, job)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert all(torch.isfinite(weight).all() for weight in one.values())
    assert not torch.equal(one["linear.weight"], tiny_teacher.linear.weight)


@pytest.mark.slow
def test_resumed_in_two_processes(inputs):
    whole = launch(inputs, "whole")[0]
    launch(inputs, "broken", stop=6)
    resumed = launch(inputs, "broken")[0]
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)

"""Checkpoints: whole or not there; a resumed run ends where the uninterrupted one does."""

import copy
import errno
import shutil
from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

from hf_optical.training.base_trainer import complete_checkpoints, remove_incomplete_checkpoints

SAVING = {"save_strategy": "steps", "save_steps": 3, "save_total_limit": 2}


class StopAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            raise KeyboardInterrupt


def checkpoints(trainer):
    return [folder.name for folder in complete_checkpoints(trainer.args.output_dir)]


def assert_same_run(one, other):
    for name, weight in one.model.state_dict().items():
        assert torch.equal(weight, other.model.state_dict()[name]), name
    losses = [[line["loss"] for line in t.state.log_history if "loss" in line] for t in (one, other)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("interrupted_at", "settings"),
    [
        (8, {}),  # 5 steps an epoch: resumes at 6, within the second
        (8, {"train_sampling_strategy": "random"}),
        (17, {"gradient_accumulation_steps": 2, "per_device_train_batch_size": 4, "bf16": True}),
        (11, {"save_steps": 5, "teacher_cache": "cache"}),  # resumes at 10, where the third epoch begins
    ],
)
def test_resumed_run_is_bit_identical(make_trainer, tmp_path, interrupted_at, settings):
    settings = SAVING | {"max_steps": 19} | settings
    if "teacher_cache" in settings:
        settings["teacher_cache"] = str(tmp_path / "cache")
    whole = make_trainer(output_dir=str(tmp_path / "whole"), **settings)
    whole.train()
    broken = make_trainer(**settings)
    broken.add_callback(StopAt(interrupted_at))
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    resumed = make_trainer(**settings)
    torch.manual_seed(99)  # whatever state the new process is in
    last = complete_checkpoints(resumed.args.output_dir)[-1]
    assert int(last.name.split("-")[1]) == interrupted_at // settings["save_steps"] * settings["save_steps"]
    resumed.train(resume_from_checkpoint=str(last))
    assert_same_run(whole, resumed)


def test_older_checkpoints_go_only_when_the_new_one_is_whole(make_trainer, monkeypatch):
    trainer = make_trainer(**SAVING | {"save_total_limit": 1}, max_steps=6)
    seen = []
    save_rng = type(trainer)._save_rng_state

    def watched(self, folder):
        save_rng(self, folder)
        seen.append(checkpoints(self))

    monkeypatch.setattr(type(trainer), "_save_rng_state", watched)
    trainer.train()
    assert seen == [[], ["checkpoint-3"]]
    assert checkpoints(trainer) == ["checkpoint-6"]
    assert trainer.args.save_total_limit == 1


@pytest.mark.parametrize("failing", ["_save_optimizer_and_scheduler", "_save_rng_state", "save_model"])
def test_checkpoint_that_cannot_be_written_is_removed(make_trainer, monkeypatch, failing):
    trainer = make_trainer(**SAVING, max_steps=12)
    original = getattr(type(trainer), failing)

    def full(self, *args, **kwargs):
        if self.state.global_step == 9:
            raise RuntimeError("[enforce fail at inline_container.cc:668] . unexpected pos 128 vs 22\n many lines")
        original(self, *args, **kwargs)

    monkeypatch.setattr(type(trainer), failing, full)
    with pytest.raises(OSError, match=r"checkpoint \S*checkpoint-9 could not be written \(.*pos 128 vs 22\) and was removed"):
        trainer.train()
    assert checkpoints(trainer) == ["checkpoint-3", "checkpoint-6"]
    assert not (Path(trainer.args.output_dir) / "checkpoint-9").exists()


def test_interrupt_while_saving_leaves_no_part(make_trainer, monkeypatch):
    trainer = make_trainer(**SAVING, max_steps=6)

    def interrupted(self, folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(trainer), "_save_rng_state", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert list(Path(trainer.args.output_dir).glob("checkpoint-*")) == []


def test_incomplete_checkpoints_are_ignored_and_removed(make_trainer):
    trainer = make_trainer(**SAVING, max_steps=6)
    trainer.train()
    folder = Path(trainer.args.output_dir)
    shutil.copytree(folder / "checkpoint-6", folder / "checkpoint-10")
    (folder / "checkpoint-10" / "complete").unlink()
    (folder / "checkpoint-notes").mkdir()
    assert checkpoints(trainer) == ["checkpoint-3", "checkpoint-6"]
    assert remove_incomplete_checkpoints(folder) == [folder / "checkpoint-10"]
    assert sorted(f.name for f in folder.glob("checkpoint-*")) == ["checkpoint-3", "checkpoint-6", "checkpoint-notes"]


def test_checkpoints_are_sorted_by_step(tmp_path):
    for step in (10, 9, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "complete").touch()
    assert [f.name for f in complete_checkpoints(tmp_path)] == ["checkpoint-9", "checkpoint-10", "checkpoint-100"]


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json", "scheduler.pt"])
def test_damaged_checkpoint_is_named(make_trainer, file):
    trainer = make_trainer(**SAVING, max_steps=6)
    trainer.train()
    last = complete_checkpoints(trainer.args.output_dir)[-1]
    (last / file).write_bytes((last / file).read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"checkpoint-6 is damaged or of another model .*resume from the one before"):
        make_trainer(**SAVING, max_steps=9).train(resume_from_checkpoint=str(last))


def test_checkpoint_of_another_model(make_trainer, make_arguments, encoder_dir, tiny_teacher, bitext):
    from hf_optical.models import OpticalStudentModel
    from hf_optical.training import OpticalTrainer

    trainer = make_trainer(**SAVING, max_steps=3)
    trainer.train()
    other = OpticalStudentModel.from_encoder(encoder_dir("xlm-roberta"), tiny_teacher, languages=["sw"])
    resumed = OpticalTrainer(other, copy.deepcopy(tiny_teacher), make_arguments(**SAVING), bitext)
    with pytest.raises(ValueError, match="checkpoint-3 is damaged or of another model"):
        resumed.train(resume_from_checkpoint=str(complete_checkpoints(trainer.args.output_dir)[-1]))


def test_disk_that_is_full(make_trainer, small_disk):
    """A real file system without room for a second checkpoint."""
    trainer = make_trainer(**SAVING, max_steps=12, output_dir=str(small_disk / "run"))
    with pytest.raises(OSError, match=r"could not be written .*earlier ones are untouched: make room, then resume"):
        trainer.train()
    kept = complete_checkpoints(trainer.args.output_dir)
    assert kept
    assert list(Path(trainer.args.output_dir).glob("checkpoint-*")) == kept
    assert (kept[-1] / "optimizer.pt").stat().st_size > 1000
    resumed = make_trainer(**SAVING, max_steps=int(kept[-1].name.split("-")[1]) + 2)
    resumed.train(resume_from_checkpoint=str(kept[-1]))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 900 kB in memory; only root can mount one."""
    import subprocess

    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(folder)], capture_output=True)
        if mounted.returncode:
            pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    except FileNotFoundError:
        pytest.skip(f"no mount command here ({errno.errorcode[errno.ENOENT]})")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)

"""Tokenised bitext: lengths, what is left out, inverse document frequencies."""

import logging
import math

import pytest
from datasets import Dataset

from hf_optical.training import idf_weights, tokenize_bitext

LONG = " ".join(["maize"] * 30)


def pairs(*rows):
    return Dataset.from_list([{"english": e, "non_english": n} for e, n in rows])


def test_ids_hold_special_tokens_and_marker(tiny_student, tiny_teacher):
    row = tokenize_bitext(pairs(("water farm", "maji")), tiny_student, tiny_teacher)[0]
    tokens = tiny_teacher.tokenizer.convert_ids_to_tokens
    assert tokens(row["teacher_ids"]) == ["[CLS]", "[Q] ", "water", "farm", "[SEP]"]
    assert tokens(row["student_ids"]) == ["[CLS]", "[Q] ", "maji", "[SEP]"]
    assert (row["length"], row["row"]) == (5, 0)


def test_too_long_pairs_are_dropped_and_counted(tiny_student, tiny_teacher, caplog):
    caplog.set_level(logging.WARNING, logger="hf_optical")
    data = pairs(("water", "maji"), (LONG, "mahindi"), ("maize", LONG), ("rain", "mvua"))
    examples = tokenize_bitext(data, tiny_student, tiny_teacher)
    assert examples["row"][:] == [0, 1]
    assert [tiny_student.tokenizer.decode(ids[2:-1]) for ids in examples["student_ids"]] == ["maji", "mvua"]
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "2 of 4 pairs (50 %) are longer than 16 (student) or 16 (teacher) tokens of a query and left out"
    )


def test_a_pair_that_just_fits_is_kept(tiny_student, tiny_teacher):
    thirteen = " ".join(["maize"] * 13)  # and [CLS], marker, [SEP]: 16
    assert len(tokenize_bitext(pairs((thirteen, thirteen)), tiny_student, tiny_teacher)) == 1
    with pytest.raises(
        ValueError, match=r"none of the 1 pairs fits into 16 .student. or 16 .teacher. tokens of a query: raise max_length"
    ):
        tokenize_bitext(pairs((thirteen + " maize", "mahindi")), tiny_student, tiny_teacher)


def test_truncate_keeps_every_pair(tiny_student, tiny_teacher, caplog):
    examples = tokenize_bitext(pairs((LONG, LONG), ("rain", "mvua")), tiny_student, tiny_teacher, too_long="truncate")
    assert [len(ids) for ids in examples["student_ids"]] == [16, 4]
    sep = tiny_teacher.tokenizer.sep_token_id
    assert [ids[-1] for ids in examples["teacher_ids"]] == [sep, sep]
    assert not caplog.records


def test_max_length_replaces_the_query_length(tiny_student, tiny_teacher):
    examples = tokenize_bitext(pairs((LONG, "mahindi")), tiny_student, tiny_teacher, max_length=40)
    assert len(examples[0]["teacher_ids"]) == 33


@pytest.mark.parametrize(
    ("length", "message"),
    [(0, "at least 1, got 0"), (1000, "max_length 1000 is more than the 128 tokens that the OpticalStudentModel's")],
)
def test_impossible_lengths(tiny_student, tiny_teacher, length, message):
    with pytest.raises(ValueError, match=message):
        tokenize_bitext(pairs(("rain", "mvua")), tiny_student, tiny_teacher, max_length=length)


def test_missing_column(tiny_student, tiny_teacher):
    data = Dataset.from_list([{"english": "rain", "swahili": "mvua"}])
    with pytest.raises(ValueError, match="no column 'non_english'; its columns are english, swahili"):
        tokenize_bitext(data, tiny_student, tiny_teacher)


def test_idf_by_hand():
    weights = idf_weights([[5, 1, 1], [5, 2], [5, 1]], 7, always=[6])
    assert weights[5].item() == pytest.approx(math.log(1 + 3 / 4))  # in all three sentences
    assert weights[1].item() == pytest.approx(math.log(1 + 3 / 3))  # in two, however often in one
    assert weights[2].item() == pytest.approx(math.log(1 + 3 / 2))
    assert weights[0].item() == pytest.approx(math.log(1 + 3))  # never seen
    assert weights[6] == weights[5]
    assert bool((weights > 0).all())


def test_idf_of_the_trainer(make_trainer):
    trainer = make_trainer(marginals="idf", expand=True)
    tokenizer = trainer.model.tokenizer
    batch = next(iter(trainer.get_train_dataloader()))
    a, b = trainer.token_weights(batch)
    assert a.shape == batch["student"]["input_ids"].shape
    assert b.shape == batch["teacher"]["input_ids"].shape
    ids = trainer.train_dataset["student_ids"][:]
    word = tokenizer.convert_tokens_to_ids("mahindi")
    frequency = sum(word in row for row in ids)
    assert trainer._weights["student"][word].item() == pytest.approx(math.log(1 + len(ids) / (1 + frequency)))
    assert trainer._weights["student"][tokenizer.mask_token_id] == trainer._weights["student"][tokenizer.cls_token_id]
    uniform = make_trainer(expand=True)
    assert trainer.compute_loss(trainer.model.eval(), batch) != uniform.compute_loss(uniform.model.eval(), batch)

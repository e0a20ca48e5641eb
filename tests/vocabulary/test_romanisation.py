"""Letters of other scripts read in Latin ones: as anyascii writes them, at their places, by every loader, and Latin untouched."""

import copy
import json

import pytest
import torch
from anyascii import anyascii
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_optical.cli import main
from hf_optical.lexicon import WordAlignment
from hf_optical.models import OpticalStudentModel
from hf_optical.vocabulary import adapt_vocabulary, romanise

RUSSIAN, AMHARIC = "Варшава - столица Польши, 1596!", "ሰላም ለዓለም"
LATIN = st.text("abc ABZ ọ̀ ɗ ñ ß 12 .,'’-", max_size=30)


@pytest.fixture(scope="module")
def romanised(tiny_student):
    student = copy.deepcopy(tiny_student)
    assert romanise(student, [RUSSIAN, AMHARIC, "maji"]) == {"CYRILLIC": 20, "ETHIOPIC": 7}
    return student


def latin(text):
    return "".join("".join(x for x in anyascii(c) if x.isalnum()) if ord(c) > 0x24F and c.isalpha() else c for c in text)


@pytest.mark.parametrize("text", [RUSSIAN, AMHARIC, "ВАРШАВА", "Київ", "объём Ёлка"])
def test_letters_are_read_as_anyascii_writes_them(romanised, tiny_student, text):
    ids = romanised.tokenizer(text)["input_ids"]
    assert ids == tiny_student.tokenizer(latin(text.replace("ё", "е").replace("Ё", "Е").replace("й", "и")))["input_ids"]
    assert romanised.tokenizer.unk_token_id not in ids
    assert len(ids) > 3


@given(LATIN)
@settings(max_examples=50, deadline=None)
def test_latin_letters_stay(romanised, tiny_student, text):
    assert romanised.tokenizer(text)["input_ids"] == tiny_student.tokenizer(text)["input_ids"]


def test_places_in_the_text_are_kept(romanised):
    text = "maji Варшава maji"
    found = romanised.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    places = {text[start:stop] for start, stop in found["offset_mapping"]}
    assert "maji" in places
    assert "".join(dict.fromkeys(text[start:stop] for start, stop in found["offset_mapping"][1:-1])) in ("Варшава", "Варшв")
    assert found["offset_mapping"][-1] == (13, 17)


def test_saved_and_loaded_by_others(romanised, tmp_path):
    romanised.save_pretrained(tmp_path)
    texts = [RUSSIAN, AMHARIC, "maji"]
    expected = romanised.eval().encode_query(texts)
    again = OpticalStudentModel.from_pretrained(tmp_path).eval()
    assert all(torch.equal(one, other) for one, other in zip(expected, again.encode_query(texts), strict=True))
    sentence_transformers = pytest.importorskip("sentence_transformers")
    encoder = sentence_transformers.MultiVectorEncoder(str(tmp_path), trust_remote_code=True, device="cpu")
    for one, other in zip(expected, encoder.encode_query(texts), strict=True):
        torch.testing.assert_close(torch.as_tensor(other), one, atol=1e-5, rtol=0)


def test_nothing_to_do(tiny_student):
    student = copy.deepcopy(tiny_student)
    tokenizer = student.tokenizer
    assert romanise(student, ["maji safi", "ọ̀rọ̀ 12 € ʼ"]) == {}
    assert student.tokenizer is tokenizer


def test_of_a_script_of_many_letters_those_that_occur(tiny_student):
    student = copy.deepcopy(tiny_student)
    assert romanise(student, ["北京"]) == {"CJK": 2}
    normalizers = json.loads(student.tokenizer.backend_tokenizer.to_str())["normalizer"]["normalizers"]
    assert [(n["pattern"]["String"], n["content"]) for n in normalizers[1:]] == [("京", "jing"), ("北", "bei")]


def test_case_is_kept_where_the_tokenizer_keeps_it(encoder_dir, tiny_teacher):
    for family in ("xlm-roberta", "modernbert"):
        student = OpticalStudentModel.from_encoder(encoder_dir(family), tiny_teacher, languages=["ru"])
        cased = student.tokenizer("Varshava varshava")["input_ids"]
        romanise(student, [RUSSIAN])
        assert student.tokenizer("Варшава варшава")["input_ids"] == cased


def test_words_become_tokens_after_it(tiny_student):
    student = copy.deepcopy(tiny_student)
    pairs = [("the water", "вода"), ("clean water", "чистая вода"), ("the market", "рынок"), ("Warsaw market", "рынок Warsaw")] * 2
    romanise(student, (text for _, text in pairs))
    report = adapt_vocabulary(student, pairs, alignment=WordAlignment.fit(pairs))
    assert report.words_added == 3
    ids = student.tokenizer("Вода, РЫНОК", add_special_tokens=False)["input_ids"]
    assert student.tokenizer.convert_ids_to_tokens(ids) == ["voda", ",", "rynok"]


def test_by_command(workshop, caplog):
    flags = ["--teacher", "teacher", "--language", "ru", "--use_cpu", "--max_steps", "2", "--romanise", "--adapt_vocabulary"]
    assert main(["distill", *flags, "--bitext", "pairs.tsv", "--output", "latin"]) == 0
    assert "nothing to romanise: all letters of the bitext are Latin." in caplog.messages
    lines = (workshop / "pairs.tsv").read_text().splitlines()
    cyrillic = str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопкрстувшкыз")
    rows = [f"{english}\t{other.translate(cyrillic)}" for english, other in (line.split("\t")[:2] for line in lines[1:])]
    (workshop / "ru.tsv").write_text("\n".join(["english\tnon_english", *rows]) + "\n")
    without = [flag for flag in flags if flag != "--romanise"]
    assert main(["distill", *without, "--bitext", "ru.tsv", "--output", "letters"]) == 0
    assert "100 % of the letters are not Latin, and the teacher's vocabulary is English: try --romanise." in caplog.messages
    caplog.clear()
    assert main(["distill", *flags, "--bitext", "ru.tsv", "--output", "run"]) == 0
    assert "try --romanise" not in caplog.text
    student = OpticalStudentModel.from_pretrained("run")
    assert student.tokenizer.unk_token not in student.tokenizer.tokenize("майи")
    assert main(["distill", *flags, "--bitext", "ru.tsv", "--output", "run", "--resume"]) == 0

"""Configurations: what they refuse, and that config.json brings back every field."""

import json
import string

import pytest
from transformers import AutoConfig, BertConfig, XLMRobertaConfig

from hf_optical.models import OpticalStudentConfig, OpticalTeacherConfig, OpticalTeacherModel

FAMILIES = ("bert", "xlm-roberta", "modernbert", "distilbert")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", [OpticalTeacherConfig, OpticalStudentConfig])
def test_config_json_round_trip(encoder_dir, tmp_path, family, kind):
    own = {"languages": ["sw", "ha"], "teacher": {"fingerprint": "ab"}} if kind is OpticalStudentConfig else {}
    config = kind(
        backbone_config=AutoConfig.from_pretrained(encoder_dir(family)),
        embedding_dim=24,
        query_length=12,
        document_length=40,
        query_prefix="[unused0]",
        document_prefix="",
        prefixes_are_text=True,
        do_query_expansion=False,
        attend_to_expansion_tokens=True,
        skiplist_words=["!", "«"],
        **own,
    )
    config.save_pretrained(tmp_path)
    for again in (AutoConfig.from_pretrained(tmp_path), kind.from_pretrained(tmp_path), kind.from_dict(config.to_dict())):
        assert type(again) is kind
        assert type(again.backbone_config) is type(config.backbone_config)
        assert again.backbone_config.to_dict() == config.backbone_config.to_dict()
        ours, theirs = config.to_dict(), again.to_dict()
        assert {k: v for k, v in theirs.items() if not k.startswith("_")} == {
            k: v for k, v in ours.items() if not k.startswith("_")
        }
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["model_type"] == kind.model_type
    assert written["backbone_config"]["model_type"] == config.backbone_config.model_type


def test_defaults_are_those_of_the_paper():
    config = OpticalTeacherConfig(backbone_config=BertConfig())
    assert (config.embedding_dim, config.query_length, config.document_length) == (128, 32, 180)
    assert (config.query_prefix, config.document_prefix) == ("[Q] ", "[D] ")
    assert config.do_query_expansion
    assert not config.attend_to_expansion_tokens
    assert config.skiplist_words == list(string.punctuation)


def test_an_empty_skiplist_stays_empty(tmp_path):
    OpticalTeacherConfig(backbone_config=BertConfig(), skiplist_words=[]).save_pretrained(tmp_path)
    assert OpticalTeacherConfig.from_pretrained(tmp_path).skiplist_words == []


def test_two_configs_share_no_state():
    one, other = (OpticalTeacherConfig(backbone_config=BertConfig()) for _ in range(2))
    one.skiplist_words.append("x")
    assert "x" not in other.skiplist_words


def test_sizes_are_the_backbones():
    config = OpticalTeacherConfig(backbone_config=XLMRobertaConfig(vocab_size=77, hidden_size=64))
    assert (config.vocab_size, config.hidden_size) == (77, 64)
    assert config.get_text_config() is config.backbone_config


@pytest.mark.parametrize("name", ["embedding_dim", "query_length", "document_length"])
@pytest.mark.parametrize("value", [0, -1])
def test_sizes_below_one_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got {value}"):
        OpticalTeacherConfig(backbone_config=BertConfig(), **{name: value})


def test_backbone_without_a_family_is_refused():
    with pytest.raises(ValueError, match="model_type"):
        OpticalTeacherConfig(backbone_config={"hidden_size": 32})


def test_languages_are_a_list():
    with pytest.raises(ValueError, match="list of codes, got the string 'sw'"):
        OpticalStudentConfig(backbone_config=BertConfig(), languages="sw")


def test_lengths_beyond_the_encoders_positions_are_refused(encoder_dir):
    encoder = encoder_dir("xlm-roberta")  # 130 positions, of which XLM-R uses 128
    OpticalTeacherModel.from_encoder(encoder, document_length=128)
    with pytest.raises(ValueError, match="document_length 129 is more than the 128 tokens"):
        OpticalTeacherModel.from_encoder(encoder, document_length=129)
    with pytest.raises(ValueError, match="query_length 200 is more than the 128 tokens"):
        OpticalTeacherModel.from_encoder(encoder_dir("distilbert"), query_length=200, document_length=48)


def test_a_model_needs_a_backbone():
    with pytest.raises(ValueError, match="no backbone_config"):
        OpticalTeacherModel(OpticalTeacherConfig())

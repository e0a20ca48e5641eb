"""Settings: from the environment, from a command line, and what is refused."""

import pytest

from hf_optical.demo.settings import DemoSettings, default_cache


def test_the_sample_is_shown_when_nothing_is_given():
    settings = DemoSettings.from_environment({})
    assert settings.uses_sample
    assert (settings.host, settings.port, settings.max_query_characters) == ("127.0.0.1", 7860, 500)


def test_everything_from_the_environment():
    settings = DemoSettings.from_environment(
        {
            "OPTICAL_STUDENTS": " sw=org/optical-sw , models/ha,",
            "OPTICAL_INDEX": "passages",
            "OPTICAL_TEACHER": "org/teacher",
            "OPTICAL_EXAMPLES": "questions.jsonl",
            "OPTICAL_LEXICAL_WEIGHT": " 0.25 ",
            "OPTICAL_SPELLING_VARIANTS": " 1 ",
            "OPTICAL_DEMO_CACHE": "/data",
            "OPTICAL_DEMO_PORT": "8080",
            "OPTICAL_DEMO_MAX_QUERY": "200",
            "OPTICAL_DEMO_CONCURRENCY": "1",
            "GRADIO_SERVER_NAME": "0.0.0.0",
        }
    )
    assert settings.students == {"sw": "org/optical-sw", "ha": "models/ha"}
    assert (settings.index, settings.teacher, settings.examples) == ("passages", "org/teacher", "questions.jsonl")
    assert settings.lexical_weight == 0.25
    assert settings.spelling_variants is True
    assert (str(settings.cache), settings.host, settings.port) == ("/data", "0.0.0.0", 8080)
    assert (settings.max_query_characters, settings.concurrency, settings.uses_sample) == (200, 1, False)


def test_what_is_given_wins_and_none_is_not_given():
    settings = DemoSettings.from_environment({"OPTICAL_DEMO_PORT": "8080", "GRADIO_SERVER_PORT": "1"}, port=9, host=None)
    assert (settings.port, settings.host) == (9, "127.0.0.1")
    assert DemoSettings.from_environment({"OPTICAL_DEMO_PORT": "8080", "GRADIO_SERVER_PORT": "1"}).port == 8080


def test_a_space_listens_to_everyone():
    assert DemoSettings.from_environment({"SPACE_ID": "org/demo"}).host == "0.0.0.0"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"students": "sw=a,sw=b", "index": "i"}, "two students are named 'sw'"),
        ({"students": ["a/x", "b/x"], "index": "i"}, "two students are named 'x'"),
        ({"students": "sw=", "index": "i"}, "write NAME=STUDENT"),
        ({"students": {"sw": "s"}}, "give --index"),
        ({"index": "i"}, "give --student"),
        ({"port": 70_000}, "port must be"),
        ({"max_results": 0}, "max_results must be 1 or more"),
        ({"lexical_weight": -0.5}, "lexical_weight must be a finite number of 0 or more, got -0.5"),
        ({"lexical_weight": float("nan")}, "lexical_weight must be a finite number"),
        ({"spelling_variants": "0"}, "spelling_variants must be True or False, got '0'"),
    ],
)
def test_what_does_not_go_together_is_one_line(values, message):
    with pytest.raises(ValueError, match=message) as error:
        DemoSettings(**values)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("OPTICAL_DEMO_PORT", "http", "OPTICAL_DEMO_PORT is 'http': write a whole number"),
        ("OPTICAL_DEMO_THREADS", "1.5", "OPTICAL_DEMO_THREADS is '1.5': write a whole number"),
        ("OPTICAL_LEXICAL_WEIGHT", "half", "OPTICAL_LEXICAL_WEIGHT is 'half': write a number"),
        ("OPTICAL_LEXICAL_WEIGHT", "inf", "lexical_weight must be a finite number"),
        ("OPTICAL_SPELLING_VARIANTS", "yes", "OPTICAL_SPELLING_VARIANTS is 'yes': write 1 or true, 0 or false"),
        ("OPTICAL_SPELLING_VARIANTS", "2", "OPTICAL_SPELLING_VARIANTS is '2': write 1 or true, 0 or false"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(variable, text, message):
    with pytest.raises(ValueError, match=message):
        DemoSettings.from_environment({variable: text})


def test_a_weight_of_0_wins_over_the_environment():
    assert DemoSettings.from_environment({}).lexical_weight == 0
    assert DemoSettings.from_environment({"OPTICAL_LEXICAL_WEIGHT": "0.5"}, lexical_weight=0.0).lexical_weight == 0


@pytest.mark.parametrize(("text", "on"), [("1", True), ("true", True), ("True", True), ("0", False), ("FALSE", False), ("", False)])
def test_a_switch_of_the_environment(text, on):
    assert DemoSettings.from_environment({"OPTICAL_SPELLING_VARIANTS": text}).spelling_variants is on
    assert DemoSettings.from_environment({"OPTICAL_SPELLING_VARIANTS": text}, spelling_variants=None).spelling_variants is on
    assert DemoSettings.from_environment({"OPTICAL_SPELLING_VARIANTS": text}, spelling_variants=True).spelling_variants is True


def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "hf_optical"

"""Settings from a YAML file and flags: flags win, types are checked, mistakes are told with file and line."""

from dataclasses import dataclass, field

import pytest

from hf_optical.data import DataError
from hf_optical.recipes.parsing import parse
from hf_optical.recipes.settings import DistillSettings
from hf_optical.training import OpticalTrainingArguments


@dataclass
class Settings:
    name: str | None = field(default=None, metadata={"help": "A name."})
    files: list[str] = field(default_factory=list, metadata={"help": "Files."})
    size: int = field(default=3, metadata={"help": "A size."})
    share: float = field(default=0.5, metadata={"help": "A share."})
    fast: bool = field(default=False, metadata={"help": "Fast."})
    warm: bool = field(default=True, metadata={"help": "Warm."})
    maybe: bool | None = field(default=None, metadata={"help": "Maybe."})
    kind: str = field(default="a", metadata={"help": "A kind.", "choices": ("a", "b")})
    two_words: str = field(default="", metadata={"help": "Two words."})


@pytest.fixture
def settings(tmp_path):
    """`settings("name: x\\n", "--size", "4")`: what a file of this content and these flags give."""

    def of(text=None, *flags):
        argv = list(flags)
        if text is not None:
            file = tmp_path / "config.yaml"
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
            argv.insert(0, str(file))
        return parse([Settings], argv, prog="optical test", description="Test.")[0]

    return of


def test_nothing_given(settings):
    assert settings() == Settings()
    assert settings("") == settings("# a comment\n") == Settings()


def test_file_and_flags(settings):
    text = "name: water\nfiles: [a.tsv, b.tsv]\nsize: 7\nshare: 1e-3\nfast: true\nwarm: no\nmaybe: off\n".replace("off", "false")
    expected = Settings("water", ["a.tsv", "b.tsv"], 7, 0.001, True, False, False)
    assert settings(text) == expected
    flags = settings(text, "--size", "8", "--files", "c.tsv", "--fast", "false", "--warm", "--two-words", "x y", "--name=river")
    assert flags == Settings("river", ["c.tsv"], 8, 0.001, False, True, False, "a", "x y")


def test_scalars_are_taken_as_they_are_written(settings):
    assert settings("name: no\n").name == "no"  # Norwegian, to YAML a boolean
    assert settings("name: 010\n").name == "010"
    assert settings("name: --fast\n").name == "--fast"
    assert settings("name: null\nsize: ~\n") == Settings()
    assert settings("files: one.tsv\n").files == ["one.tsv"]
    assert settings("share: -2.5\n").share == -2.5


def test_byte_order_mark_and_windows_line_ends(settings):
    assert settings(b"\xef\xbb\xbfname: water\r\nsize: 7\r\n") == Settings("water", size=7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size: 1\nsiz: 2\n", "config.yaml:2: unknown setting 'siz'; did you mean 'size'?"),
        ("size: 1\nzzzz: 2\n", "config.yaml:2: unknown setting 'zzzz'; --help-all shows the known ones"),
        ("help: true\n", "config.yaml:1: unknown setting 'help'"),
        ("\nsize: many\n", "config.yaml:2: size: 'many' is no int"),
        ("fast: perhaps\n", "config.yaml:1: fast: Truthy value expected: got perhaps"),
        ("kind: c\n", "config.yaml:1: kind: 'c' is not one of a, b"),
        ("name: [a, b]\n", "config.yaml:1: name: a list, where one value is expected"),
        ("size: 1\nname: x\nsize: 2\n", "config.yaml:3: 'size' is set twice, first in line 1"),
        ("- size\n", "config.yaml:1: not a mapping of settings"),
        ("size: [1\nname: 2\n", "config.yaml:2: expected ',' or ']'"),
        ("a:\n\t- b\n", "config.yaml:2: found character"),
        (b"\xff\xfe\x00\x01", "config.yaml: not readable as text"),
    ],
)
def test_mistakes_in_the_file(settings, text, message):
    with pytest.raises(DataError) as caught:
        settings(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--siz", "2"], "unknown option --siz; did you mean '--size'?"),
        (["--two-word", "2"], "unknown option --two-word; did you mean '--two_words'?"),
        (["--zzzz=2"], "unknown option --zzzz; see `optical test --help`"),
        (["--size", "many"], "argument --size: invalid int value: 'many'; see `optical test --help`"),
        (["--kind", "c"], "invalid choice: 'c' (choose from 'a', 'b')"),
        (["--size"], "argument --size: expected one argument"),
        (["--size", "1", "later.yaml"], "unexpected argument 'later.yaml'; the configuration file comes first"),
        (["nowhere.yaml"], "nowhere.yaml: there is no such configuration file"),
    ],
)
def test_mistakes_in_flags(settings, flags, message):
    with pytest.raises(DataError) as caught:
        settings(None, *flags)
    assert message in str(caught.value)


def test_arguments_of_transformers_that_do_nothing_are_refused(tmp_path):
    classes = [DistillSettings, OpticalTrainingArguments]
    with pytest.raises(DataError, match="--resume_from_checkpoint has no effect here; use --resume"):
        parse(classes, ["--resume_from_checkpoint", "x"], prog="optical distill", description="")
    (tmp_path / "config.yaml").write_text("do_train: true\n")
    with pytest.raises(DataError, match="unknown setting 'do_train'; the command always trains"):
        parse(classes, [str(tmp_path / "config.yaml")], prog="optical distill", description="")


def test_training_arguments_from_a_file(tmp_path):
    (tmp_path / "config.yaml").write_text("bitext: a.tsv\nepsilon: 0.1\noutput: here\nexpand: true\nlr_scheduler_kwargs: {a: 1}\n")
    argv = [str(tmp_path / "config.yaml"), "--epsilon", "0.05", "--use_cpu"]
    settings, args = parse([DistillSettings, OpticalTrainingArguments], argv, prog="optical distill", description="")
    assert (settings.bitext, args.epsilon, args.output_dir, args.expand) == (["a.tsv"], 0.05, "here", True)
    assert args.lr_scheduler_kwargs == {"a": 1}


def test_help(capsys):
    for flag, most in (("--help", 100), ("--help-all", 2000)):
        with pytest.raises(SystemExit) as stop:
            parse([DistillSettings, OpticalTrainingArguments], [flag], prog="optical distill", description="Distil.")
        assert stop.value.code == 0
        text = capsys.readouterr().out
        assert len(text.splitlines()) < most
        assert text.index("--teacher ") < text.index("--epsilon") < text.index("--help-all")
        assert ("--adam_beta1" in text) == (flag == "--help-all")
        assert "--output_dir" not in text
        assert "==SUPPRESS==" not in text
        assert "--no_" not in text

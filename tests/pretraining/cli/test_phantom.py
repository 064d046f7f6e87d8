import json

import pytest

from pretraining.cli.main import main


def command(folder, *more):
    return main(["phantom", "--output", str(folder), "--preset", "demo", *more])


def test_writes_pairs_held_out_pairs_and_labelled_cases(tmp_path):
    folder = tmp_path / "out"
    size = [
        "--size",
        "32",
        "32",
        "--spacing",
        "11",
        "11",
        "--labelled-size",
        "10",
        "16",
        "20",
        "--labelled-spacing",
        "20",
        "16",
        "16",
    ]
    assert command(folder, "--studies", "3", "--held-out", "2", "--labelled", "2", "--labelled-test", "1", *size) == 0
    assert len(list((folder / "images").iterdir())) == 3
    assert len(list((folder / "heldout" / "images").iterdir())) == 2
    assert len(list((folder / "labelled" / "imagesTr").iterdir())) == 2
    assert json.loads((folder / "phantom.json").read_text())["studies"] == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "nothing"], "demo"),
        (["--size", "32", "32", "32"], "--size"),
        (["--labelled", "1", "--organs", "tail"], "tail"),
        (["--regions", "knee"], "knee"),
        (["--studies", "-1"], "--studies"),
    ],
)
def test_mistakes_get_one_sentence(tmp_path, capsys, words, says):
    assert main(["phantom", "--output", str(tmp_path / "out"), "--studies", "1", *words]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("mosmos_pretrain phantom: ")
    assert says in error


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("x")
    assert command(tmp_path, "--studies", "1") == 1
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

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
        (["--labelled", "1", "--labelled-size", "32", "32"], "--labelled-size 32 32: give 3 positive numbers"),
        (["--spacing", "nan", "nan"], "--spacing nan nan: give 2 positive numbers"),
        (["--labelled-spacing", "inf", "5", "5"], "--labelled-spacing inf"),
        (
            ["--labelled", "1", "--organs", "liver", "liver", "spleen"],
            "'liver' and 'liver' would label the same voxels",
        ),
        (["--organs", "kidney_left", "kidney"], "'kidney_left' and 'kidney' would label the same voxels"),
        (["--organs", "liver_tumor", "liver", "liver_tumor"], "'liver_tumor' and 'liver_tumor'"),
        (["--regions", "knee"], "knee"),
        (["--regions"], "--regions : give some of the regions"),
        (["--preset", "demo", "--regions", "chest"], "--preset demo has with --dim 2: abdomen"),
        (["--studies", "-1"], "--studies"),
        (["--seed", "-1"], "--seed -1"),
    ],
)
def test_mistakes_get_one_sentence_before_anything_is_written(tmp_path, capsys, words, says):
    assert main(["phantom", "--output", str(tmp_path / "out"), "--studies", "1", *words]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("mosmos_pretrain phantom: ")
    assert says in error
    assert not (tmp_path / "out").exists()


def test_organs_and_their_lesions_and_what_3d_covers_are_no_mistakes(tmp_path):
    words = ["--dim", "3", "--regions", "chest", "--organs", "liver", "liver_tumor", "kidney", "kidney_tumor"]
    assert command(tmp_path / "out", "--studies", "0", "--seed", "0", *words) == 0


@pytest.mark.parametrize("below", ["", "new"])
def test_a_file_as_output_is_one_sentence(tmp_path, capsys, below):
    (tmp_path / "mine.txt").write_text("x")
    assert command(tmp_path / "mine.txt" / below, "--studies", "0") == 1
    assert "a new folder" in capsys.readouterr().err


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("x")
    assert command(tmp_path, "--studies", "1") == 1
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

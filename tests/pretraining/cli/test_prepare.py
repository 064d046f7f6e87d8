from __future__ import annotations

import json

import numpy as np
from PIL import Image

from pretraining.cli.main import main
from pretraining.studies.manifest import read_manifest


def make_pairs(folder):
    (folder / "images").mkdir()
    for number in range(4):
        array = np.random.default_rng(number).integers(0, 255, (20, 30), dtype=np.uint8)
        Image.fromarray(array).save(folder / "images" / f"{number}.png")
    rows = "".join(f"{number}.png,The liver is normal.\n" for number in range(5))
    (folder / "pairs.csv").write_text("picture,words\n" + rows)


def prepare(folder, *more):
    paths = [
        "--input",
        str(folder / "pairs.csv"),
        "--image-root",
        str(folder / "images"),
        "--output",
        str(folder / "out"),
    ]
    return main(["prepare", *paths, "--workers", "1", *more])


def test_a_run_says_what_it_made_and_what_it_left(tmp_path, capsys):
    make_pairs(tmp_path)
    columns = ["--image-column", "picture", "--report-column", "words"]
    assert prepare(tmp_path, *columns, "--val-fraction", "0.2", "--max-side", "16", "--seed", "3") == 0
    out, _ = capsys.readouterr()
    assert "4 studies of 4 patients, 4 images" in out
    assert "1 x the file is missing" in out
    assert str(tmp_path / "out" / "prepare.html") in out
    assert len(read_manifest(tmp_path / "out")) == 4
    names = {
        "images",
        "images.jsonl",
        "studies.jsonl",
        "rejects.csv",
        "prepare.json",
        "prepare.html",
        "vocabulary.json",
    }
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    written = json.loads((tmp_path / "out/prepare.json").read_text())
    assert written["options"]["max_side"] == 16
    assert written["vocabulary_hash"]


def test_a_users_mistake_is_one_line_and_exit_code_1(tmp_path, capsys):
    make_pairs(tmp_path)
    assert prepare(tmp_path) == 1
    _, error = capsys.readouterr()
    last = error.strip().splitlines()[-1]
    assert last.startswith("mosmos_pretrain prepare: ")
    assert "--image-column" in last
    assert "Traceback" not in error


def test_a_vocabulary_that_replaces_the_packaged_one_is_told(tmp_path, caplog):
    caplog.set_level("INFO")
    make_pairs(tmp_path)
    columns = ["--image-column", "picture", "--report-column", "words"]
    tags = "tags:\n- {id: liver, names: [liver]}\n"
    for number, (first, told) in enumerate({"": True, "extends: en\n": False}.items()):
        own = tmp_path / f"{number}.yaml"
        own.write_text(first + tags)
        assert prepare(tmp_path, *columns, "--vocabulary", str(own)) == 0
        assert (f"{own} replaces the packaged vocabulary: 1 tags" in caplog.text) == told

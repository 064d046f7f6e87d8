import numpy as np
import pytest
from PIL import Image

from pretraining.cli.main import main


@pytest.fixture
def folder(tmp_path):
    for name in ("a/x.png", "b/x.png"):
        (tmp_path / "scans" / name).parent.mkdir(parents=True)
        Image.fromarray(np.arange(48 * 40, dtype=np.uint8).reshape(48, 40)).save(tmp_path / "scans" / name)
    (tmp_path / "scans" / "broken.png").write_bytes(b"x")
    return tmp_path / "scans"


def test_a_folder_is_mapped_and_the_exit_code_is_success_when_one_image_was(bundle, folder, tmp_path, caplog):
    caplog.set_level("INFO")
    words = ["maps", "--bundle", str(bundle.path), "--input", str(folder), "--tags", "liver", "--stack"]
    assert main([*words, "--output", str(tmp_path / "maps")]) == 0
    written = {path.relative_to(tmp_path / "maps").as_posix() for path in (tmp_path / "maps").rglob("*.*")}
    files = {f"{name}/x/{file}" for name in "ab" for file in ("maps.nii.gz", "maps.json", "overlay.png")}
    assert written == files | {"maps.csv", "rejects.csv"}
    assert "1 of 3 images could not be mapped" in caplog.text
    assert f"2 images with 1 maps each: {tmp_path / 'maps' / 'maps.csv'}" in caplog.text


def test_the_exit_code_is_1_when_no_image_could_be_mapped(bundle, folder, tmp_path, capsys):
    words = ["maps", "--bundle", str(bundle.path), "--input", str(folder / "broken.png")]
    assert main([*words, "--output", str(tmp_path / "maps")]) == 1
    assert "none of the 1 images could be mapped" in capsys.readouterr().err
    assert "not a picture" in (tmp_path / "maps" / "rejects.csv").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--threshold", "50"], "--threshold 50.0 is no probability"),
        (["--text", "hepatic cyst"], "--text needs the text encoder"),
        (["--text", ",", "--run", "run"], "--text ',' names nothing"),
        (["--tags", " , "], "--tags ' , ' names nothing"),
        (["--run", "run"], "give them with --text only"),
        (["--text", "cyst", "--run", "run", "--text-encoder", "folder"], "one of the two"),
        (["--text", "cyst", "--run", "nowhere"], "nowhere is not a run"),
    ],
)
def test_wrong_options_are_one_sentence(bundle, folder, tmp_path, capsys, words, message):
    start = ["maps", "--bundle", str(bundle.path), "--input", str(folder), "--output", str(tmp_path / "maps")]
    assert main([*start, *words]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "maps").exists()

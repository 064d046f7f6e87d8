import json
import subprocess
import sys

import pytest

from pretraining.cli.main import COMMANDS, main


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize(
    ("words", "code"), [([], 2), (["fly"], 2), (["train", "--data", "nowhere", "--output", "x"], 1)]
)
def test_exit_codes(words, code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_is_one_sentence_on_stderr(capsys, tmp_path):
    assert main(["export", "--run", str(tmp_path), "--output", str(tmp_path / "bundle")]) == 1
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_a_wrong_combination_is_refused_before_any_work(capsys, tmp_path):
    words = ["train", "--data", str(tmp_path), "--output", str(tmp_path / "run"), "--freeze-text"]
    assert main(words) == 1
    assert "--freeze-text would keep the random weights" in capsys.readouterr().err


def test_from_prepared_folder_to_maps(prepared, tmp_path, capsys):
    run, bundle, maps = (str(tmp_path / name) for name in ("run", "bundle", "maps"))
    size = ["--image-size", "32", "32", "--stages", "3", "--scratch-hidden-size", "32", "--scratch-layers", "1"]
    train = [
        "train",
        "--data",
        str(prepared),
        "--output",
        run,
        "--epochs",
        "1",
        "--workers",
        "1",
        "--device",
        "cpu",
        *size,
    ]
    assert main(train) == 0
    assert main(["export", "--run", run, "--output", bundle, "--license", "CC0-1.0"]) == 0
    assert json.loads((tmp_path / "bundle" / "bundle.json").read_text())["license"] == "CC0-1.0"
    from PIL import Image

    Image.linear_gradient("L").save(tmp_path / "gradient.png")
    assert (
        main(
            ["maps", "--bundle", bundle, "--input", str(tmp_path / "gradient.png"), "--output", maps, "--tags", "liver"]
        )
        == 0
    )
    assert (tmp_path / "maps" / "gradient" / "liver.nii.gz").is_file()


def test_the_command_starts_without_torch():
    code = "import sys; from pretraining.cli.main import main; main(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_ctrl_c_ends_a_command_without_a_traceback(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("pretraining.cli.export.run", interrupted)
    assert main(["export", "--run", "run", "--output", "bundle"]) == 130
    assert capsys.readouterr().err == "mosmos_pretrain export: interrupted\n"

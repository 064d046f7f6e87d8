import shlex
import sys

import pytest

from nnunetv2_mosmos.demo.__main__ import Options, run
from nnunetv2_mosmos.demo.execute import execute, mean_pseudo_dice
from nnunetv2_mosmos.demo.settings import FULL, Folders
from nnunetv2_mosmos.demo.stages import Stage, demo_stages
from nnunetv2_mosmos.trainers import nnUNetTrainerMOSMOS_demo, nnUNetTrainerMOSMOS_scratch_demo
from pretraining.cli.main import COMMANDS
from pretraining.errors import UserError


@pytest.fixture
def commands(tmp_path):
    return [stage.command for stage in demo_stages(Folders(tmp_path), FULL)]


def test_the_whole_path_is_there_in_order(commands):
    names = [command[1] if command[0] == "mosmos_pretrain" else command[0] for command in commands]
    assert names == [
        "phantom", "prepare", "train", "evaluate", "export", "cp", "nnUNetv2_plan_and_preprocess",
        "nnUNetv2_mosmos_attach", *["nnUNetv2_train"] * 3, *["nnUNetv2_predict"] * 3,
    ]  # fmt: skip


def test_the_control_differs_by_its_trainer_alone(commands):
    training, *_, control = (command for command in commands if command[0] == "nnUNetv2_train")
    assert control == tuple(word.replace("MOSMOS_demo", "MOSMOS_scratch_demo") for word in training)
    assert nnUNetTrainerMOSMOS_scratch_demo.schedule == nnUNetTrainerMOSMOS_demo.schedule
    assert not nnUNetTrainerMOSMOS_scratch_demo.recipe.encoder
    assert not nnUNetTrainerMOSMOS_scratch_demo.recipe.maps


def test_options_exist(commands):
    """Every option that the demo types is one that the command has."""
    import importlib

    import tyro

    for command in commands:
        if command[0] != "mosmos_pretrain":
            continue
        module = importlib.import_module(f"pretraining.cli.{command[1]}")
        assert command[1] in COMMANDS
        tyro.cli(module.Options, args=command[2:], config=(tyro.conf.OmitArgPrefixes,))


def test_commands_can_be_typed_as_they_are_printed(commands):
    for command in commands:
        assert tuple(shlex.split(shlex.join(command))) == command


def test_pseudo_dice_is_read_from_the_log():
    line = "2026-01-01 10:00:00.000000: Pseudo dice [np.float32(0.5), np.float32(0.0), np.float32(0.25)]"
    assert mean_pseudo_dice(line) == pytest.approx(0.25)
    assert mean_pseudo_dice("Epoch 3") is None


def python(code, epochs=0):
    return Stage("try", (sys.executable, "-c", code), epochs)


def test_a_failing_command_stops_the_demo_with_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"'try'.*exit code 3"):
        execute(python("raise SystemExit(3)"), {}, tmp_path / "log")


def test_training_is_logged_behind_its_bar(tmp_path, capsys):
    code = "import os; print('Epoch time: 1 s'); print(os.environ['SOME'])"
    execute(python(code, epochs=1), {"SOME": "thing"}, tmp_path / "log")
    assert (tmp_path / "log").read_text().split("\n")[:2] == ["Epoch time: 1 s", "thing"]
    assert "1/1" in capsys.readouterr().err


def test_a_failing_training_shows_its_last_lines(tmp_path, capsys):
    with pytest.raises(UserError):
        execute(python("raise ValueError('the reason')", epochs=1), {}, tmp_path / "log")
    assert "the reason" in capsys.readouterr().err


@pytest.mark.parametrize("mark", [None, "", "[]", '{"my": "project"}'])
def test_a_foreign_folder_is_left_alone(tmp_path, mark):
    (tmp_path / "thesis.txt").write_text("x")
    if mark is not None:
        (tmp_path / "demo.json").write_text(mark)
    with pytest.raises(UserError, match="--output"):
        run(Options(output=tmp_path))
    assert (tmp_path / "thesis.txt").is_file()


def test_an_earlier_demos_folder_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr("nnunetv2_mosmos.demo.__main__.demo_stages", lambda *given: [python("raise SystemExit(1)")])
    for _ in range(2):
        with pytest.raises(UserError, match="'try'"):
            run(Options(output=tmp_path, quick=True))
        assert not (tmp_path / "old").exists()
        (tmp_path / "old").touch()

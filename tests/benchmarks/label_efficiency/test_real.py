import json
from dataclasses import replace

import pytest

from benchmarks.label_efficiency import real
from benchmarks.label_efficiency.__main__ import Options, main
from benchmarks.label_efficiency.design import HIPPOCAMPUS
from benchmarks.label_efficiency.patients import case_names, folds
from benchmarks.label_efficiency.real import copy_labelled, real_folder
from pretraining.errors import UserError


def test_real_cases_become_a_dataset_for_nnunet(shared_data, tmp_path):
    copy_labelled(tmp_path / "Dataset001_Real", HIPPOCAMPUS.real, HIPPOCAMPUS.organs)
    description = json.loads((tmp_path / "Dataset001_Real" / "dataset.json").read_text())
    assert description["labels"] == {"background": 0, "anterior hippocampus": 1, "posterior hippocampus": 2}
    assert description["numTraining"] == 20
    for name in (*case_names(HIPPOCAMPUS)[0], *case_names(HIPPOCAMPUS)[1]):
        assert (tmp_path / "Dataset001_Real" / "imagesTr" / f"{name}_0000.nii.gz").is_file()
        assert (tmp_path / "Dataset001_Real" / "labelsTr" / f"{name}.nii.gz").is_file()


def test_no_held_out_real_case_is_trained_on(shared_data):
    held_out = set(case_names(HIPPOCAMPUS)[1])
    assert len(held_out) == 10
    for fold in folds(HIPPOCAMPUS, "reserved"):
        assert set(fold["val"]) == held_out
        assert not held_out & set(fold["train"])


def test_too_few_real_cases_are_refused(shared_data):
    with pytest.raises(UserError, match=r"mr_hippocampus_msd has 20 labelled cases, --task hippocampus needs 21"):
        case_names(replace(HIPPOCAMPUS, held_out=11))


def test_a_missing_data_set_is_named(tmp_path, monkeypatch, capsys):
    with pytest.raises(UserError, match=r"shared.data.elsewhere does not exist"):
        real_folder("elsewhere")
    monkeypatch.setattr(real, "SHARED_DATA", tmp_path / "nowhere")
    table = Options(task="hippocampus", arms=("scratch",), cases=(4,), output=tmp_path / "run", budget=0)
    assert main(table) == 1
    assert "does not exist: put the data set there, or choose a --task" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arms": ("scratch", "sefl")}, "--arms: sefl is not among plain, scratch"),
        ({"arms": ("tags",), "families": ("unetr",), "everything": True}, None),
        ({"arms": ("maps",), "families": ("unetr",), "everything": True}, "--arms: maps is not among scratch"),
        ({"arms": ("self_images",)}, "--arms: self_images is not among"),
        ({"arms": ("self_images",), "interventions": True}, None),
        ({"families": ("3d_fullres",), "interventions": True}, "--interventions are of 2d"),
    ],
)
def test_a_choice_that_says_nothing_is_refused(options, message, tmp_path, capsys):
    assert main(Options(output=tmp_path / "run", list=True, **options)) == (1 if message else 0)
    assert (message or "") in capsys.readouterr().err


@pytest.mark.parametrize("options", [{"families": ("3d_fullres",)}, {"cases": (64,), "everything": True}])
def test_what_a_task_has_no_data_for_is_refused(options, tmp_path, capsys):
    assert main(Options(task="hippocampus", output=tmp_path / "run", list=True, **options)) == 1
    assert "--task hippocampus has data for --families 2d and --cases 1 2 4 8" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()

"""`nnUNetv2_mosmos_label`, and the commands of nnU-Net's own that it names."""

import csv
import json
import os
import shlex
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from filelock import FileLock
from nnunetv2.experiment_planning.plan_and_preprocess_entrypoints import plan_and_preprocess_entry, preprocess_entry
from nnunetv2.experiment_planning.plans_for_pretraining.move_plans_between_datasets import (
    entry_point_move_plans_between_datasets,
)
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.run.run_training import run_training_entry

from nnunetv2_mosmos.attach import dataset
from nnunetv2_mosmos.cli import attach as attach_command
from nnunetv2_mosmos.cli.label import main
from nnunetv2_mosmos.selftraining.label_images import UNDER_WAY
from nnunetv2_mosmos.selftraining.network import Network
from nnunetv2_mosmos.selftraining.progress import OUTCOMES
from pretraining.bundle.bundle import file_sha256
from pretraining.lock import LOCK
from pretraining.studies.arrays import write_array
from pretraining.studies.atomic import write_text
from pretraining.studies.images.grid import ORIENTATION, geometry_of
from pretraining.studies.manifest import Study, write_manifest
from pretraining.tags.vocabulary import load_vocabulary

TRAINER = "nnUNetTrainerMOSMOS_smoke"
FINAL = "checkpoint_final.pth"
NEW = "Dataset918_TinyFromReports"
UNFINISHED = f".{NEW}.unfinished"
LIVER, SPLEEN = 1, 2
STUDIES = {
    "named": {"spleen": "present"},
    "named_and_missed": {"liver": "present", "spleen": "present"},
    "removed": {"spleen": "absent"},
    "picture": {"spleen": "present"},
}


@pytest.fixture
def prepared(tmp_path):
    """Volumes and a picture with reports."""
    folder = tmp_path / "prepared"
    (folder / "images").mkdir(parents=True)
    generator = np.random.default_rng(1)
    studies = []
    for name, tags in STUDIES.items():
        shape = (30, 20) if name == "picture" else (4, 24, 24)
        image = sitk.GetImageFromArray(generator.normal(50, 20, shape).astype(np.float32))
        file = f"images/{name}.b2nd"
        write_array(
            folder / file,
            sitk.GetArrayFromImage(image)[None],
            geometry_of(image, image, ORIENTATION, name != "picture"),
        )
        studies.append(
            Study(
                id=name,
                patient=name,
                split="train",
                images=(file,),
                tags=tags,
                regions=("abdomen",),
                modality="MR",
                report="text",
            )
        )
    first = studies[0]
    studies.append(Study(id="chest", patient="chest", split="train", images=first.images, regions=("chest",)))
    studies.append(Study(id="two", patient="two", split="train", images=first.images * 2, regions=("abdomen",)))
    studies.append(Study(id="held_out", patient="held_out", split="val", images=first.images, regions=("abdomen",)))
    write_manifest(folder, studies)
    write_text(folder / "vocabulary.json", json.dumps(load_vocabulary().to_dict()))
    return folder


@pytest.fixture
def model(results, nnunet_home):
    """A model that calls everything a spleen, and next to that a liver."""
    file = results / f"{TRAINER}__nnUNetPlans__2d" / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(file, weights_only=False)
    for name, values in checkpoint["network_weights"].items():
        if ".seg_layers." in name and name.endswith("bias"):
            values[SPLEEN] += 60
            values[LIVER] += 30
    torch.save(checkpoint, file)
    yield results
    for folder in (nnunet_home.raw / NEW, nnunet_home.preprocessed / NEW, nnunet_home.raw / UNFINISHED):
        shutil.rmtree(folder, ignore_errors=True)


def label(prepared, *words):
    model = f"-d 917 -c 2d -f 0 -tr {TRAINER} --device cpu --new-dataset 918".split()
    return main([*model, "--data", str(prepared), *words])


def rows(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def labels_of(folder):
    return {
        row["study"]: sitk.GetArrayFromImage(sitk.ReadImage(folder / "labelsTr" / f"{row['case']}.nii.gz"))
        for row in rows(folder / "cases.csv")
    }


def test_images_are_labelled_where_their_reports_agree(model, nnunet_home, prepared, capsys):
    assert label(prepared) == 0
    output = capsys.readouterr().out
    folder = nnunet_home.raw / NEW
    labels = labels_of(folder)
    assert labels.keys() == {"named", "removed", "picture"}
    assert np.all(labels["named"] == SPLEEN)
    # The report says that it was removed: what is next likeliest takes its place.
    assert np.all(labels["removed"] == LIVER)
    assert labels["picture"].shape == (1, 30, 20)
    assert {row["study"]: row["reason"] for row in rows(folder / "rejects.csv")} == {
        "named_and_missed": "its report names liver, which the network does not find",
        "chest": "its report covers chest, the labels lie in abdomen",
        "two": "its report is of 2 images",
    }
    record = json.loads((folder / "mosmos_labels.json").read_text())
    assert record["named"] == {"spleen": 3, "liver": 1}
    assert record["found"] == {"spleen": 3}
    assert record["barred"] == {"spleen": 1}
    assert "918_TinyFromReports: 3 images labelled" in output
    assert "named by 3 reports, found in 3 of them; ruled out in 1" in output
    assert not list(folder.parent.glob(f".{NEW}*"))
    checkpoint = model / f"{TRAINER}__nnUNetPlans__2d" / "fold_0" / "checkpoint_final.pth"
    assert record["checkpoints_sha256"] == [file_sha256(checkpoint)]


def test_labels_have_the_tags_that_they_were_attached_with(
    model, nnunet_home, prepared, attach, unet_bundle, capsys, monkeypatch
):
    description = nnunet_home.dataset_json()
    labels = {"thing" if name == "kidney_left" else name: value for name, value in description["labels"].items()}
    monkeypatch.setattr(dataset, "read_dataset_json", lambda folder: {**description, "labels": labels})
    tags = {"liver": "kidney_right", "spleen": "spleen", "thing": None}
    with attach(nnunet_home, unet_bundle, label_tags=tags):
        assert label(prepared) == 0
        assert json.loads((nnunet_home.raw / NEW / "mosmos_labels.json").read_text())["label_tags"] == tags
        assert "not checked, for no tag is known of it: thing; give --map LABEL=TAG" in capsys.readouterr().out
        assert "named_and_missed" in labels_of(nnunet_home.raw / NEW), "its liver is not asked for any more"
        shutil.rmtree(nnunet_home.raw / NEW)
        assert label(prepared, "--map", "liver=liver", "--map", "thing=kidney_left") == 0
    assert "named_and_missed" not in labels_of(nnunet_home.raw / NEW)
    assert "not checked" not in capsys.readouterr().out


def test_workers_change_nothing_but_the_time(model, nnunet_home, prepared):
    folder, kept = nnunet_home.raw / NEW, prepared.parent / "kept"
    assert label(prepared, "--workers", "0") == 0
    shutil.move(folder, kept)
    assert label(prepared, "--workers", "2") == 0
    files = sorted(file.relative_to(kept) for file in kept.rglob("*") if file.is_file())
    assert files == sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    for file in files:
        if file.suffix == ".gz":
            one, other = (sitk.ReadImage(where / file) for where in (kept, folder))
            np.testing.assert_array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other))
            assert one.GetDirection() == other.GetDirection() and one.GetOrigin() == other.GetOrigin()
        else:
            assert (kept / file).read_text() == (folder / file).read_text()


def test_a_report_may_count_less(model, nnunet_home, prepared):
    assert label(prepared, "--check", "nothing", "--splits", "val", "train") == 0
    labels = labels_of(nnunet_home.raw / NEW)
    assert labels.keys() == {"named", "named_and_missed", "removed", "picture", "chest", "held_out"}
    assert all(np.all(values == SPLEEN) for values in labels.values())


def test_a_3d_network_labels_volumes(model, nnunet_home, prepared):
    assert label(prepared, "-c", "3d_fullres", "--check", "regions") == 0
    folder = nnunet_home.raw / NEW
    labels = labels_of(folder)
    assert labels.keys() == {"named", "named_and_missed", "removed"}
    assert all(values.shape == (4, 24, 24) for values in labels.values())
    reasons = {row["study"]: row["reason"] for row in rows(folder / "rejects.csv")}
    assert reasons["picture"].startswith("it is a picture, and the network reads volumes")


def test_a_named_label_may_be_missed_where_that_is_tolerated(model, nnunet_home, prepared):
    assert label(prepared, "--missing", "1") == 0
    assert "named_and_missed" in labels_of(nnunet_home.raw / NEW)


def test_the_commands_that_it_names_pretrain_and_finetune(
    model, nnunet_home, prepared, attach, unet_bundle, capsys, command
):
    programs = {
        "nnUNetv2_plan_and_preprocess": plan_and_preprocess_entry,
        "nnUNetv2_move_plans_between_datasets": entry_point_move_plans_between_datasets,
        "nnUNetv2_preprocess": preprocess_entry,
        "nnUNetv2_mosmos_attach": attach_command.main,
        "nnUNetv2_train": run_training_entry,
    }
    with attach(nnunet_home, unet_bundle):
        assert label(prepared) == 0
        named = capsys.readouterr().out.split("next:\n")[1].splitlines()
        commands = [words for line in named if (words := shlex.split(os.path.expandvars(line), comments=True))]
        assert len(commands) == 7
        for program, *words in commands:
            if program == "mv":
                shutil.move(*words)
            else:
                command(programs[program], *words, *(("-device", "cpu") if program == "nnUNetv2_train" else ()))
    assert (model.parent / NEW / f"{TRAINER}__nnUNetPlans__2d" / "fold_all" / "checkpoint_final.pth").is_file()
    teacher, finetuned = (
        torch.load(model / f"{TRAINER}__nnUNetPlans__2d" / fold / FINAL, weights_only=False)
        for fold in ("teacher_fold_0", "fold_0")
    )
    assert finetuned["current_epoch"] == teacher["current_epoch"]
    names = teacher["network_weights"].keys()
    assert any(not torch.equal(teacher["network_weights"][name], finetuned["network_weights"][name]) for name in names)
    assert nnUNetPredictor.auto_detect_available_folds(str(model / f"{TRAINER}__nnUNetPlans__2d"), FINAL) == [0]


@pytest.fixture
def interrupted(model, nnunet_home, prepared, monkeypatch):
    """A labelling that ended with its second image."""
    predict = Network.predict
    seen = []

    def interrupt(network, image):
        seen.append(image)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return predict(network, image)

    with monkeypatch.context() as patch:
        patch.setattr(Network, "predict", interrupt)
        with pytest.raises(KeyboardInterrupt):
            label(prepared, "--check", "regions", "--workers", "0")
    assert not (nnunet_home.raw / NEW).exists()
    return nnunet_home.raw / UNFINISHED


def test_what_was_labelled_before_an_interruption_is_not_labelled_again(
    interrupted, nnunet_home, prepared, monkeypatch
):
    predict = Network.predict
    seen = []

    def count(network, image):
        seen.append(image)
        return predict(network, image)

    monkeypatch.setattr(Network, "predict", count)
    with (interrupted / OUTCOMES).open("a") as file:
        file.write('{"study": "cut sh')
    # As a kill leaves it.
    (interrupted / UNDER_WAY).mkdir()
    (interrupted / UNDER_WAY / "000001.nii.gz").touch()
    assert label(prepared, "--check", "regions") == 0
    assert len(seen) == 3
    folder = nnunet_home.raw / NEW
    assert not interrupted.exists()
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "cases.csv",
        "dataset.json",
        "imagesTr",
        "labelsTr",
        "mosmos_labels.json",
        "rejects.csv",
    ]
    assert [row["case"] for row in rows(folder / "cases.csv")] == [f"report_{number:06d}" for number in range(4)]
    assert labels_of(folder).keys() == STUDIES.keys()
    assert {row["study"] for row in rows(folder / "rejects.csv")} == {"chest", "two"}
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 4


def test_a_labelling_goes_on_as_it_was_begun_and_by_one_process(interrupted, prepared, capsys):
    assert label(prepared, "--check", "report") == 1
    assert "was begun with another check: give the same command as before" in capsys.readouterr().err
    with FileLock(interrupted / LOCK):
        assert label(prepared, "--check", "regions") == 1
    assert f"another process is labelling {NEW}" in capsys.readouterr().err


def test_slips_cost_one_sentence(model, nnunet_home, prepared, capsys):
    slips = {
        ("-f",): "--folds names no fold",
        ("-f", "3"): "fold_3/checkpoint_final.pth is missing: train this fold with nnUNetv2_train first",
        ("--new-dataset", "917"): "--new-dataset 917 is taken by Dataset917_Tiny",
        ("--map", "liver=gizzard"): "--map liver=gizzard: the vocabulary has no tag 'gizzard'",
        ("--regions", "pelvis"): "no image could be labelled; of 7, most because its report covers abdomen",
        ("--workers", "-1"): "--workers is -1; give the number of threads",
        ("--splits", "test"): "has no study in --splits test; it has some in: train val",
        ("--check", "nothing", "--regions", "abdomen"): "--check nothing reads none; leave one of them out",
        ("--check", "nothing", "--missing", "1"): "--check nothing does not read them; leave --missing out",
        ("--check", "regions", "--missing", "1"): "--check regions does not read them; leave --missing out",
    }
    for words, message in slips.items():
        assert label(prepared, *words) == 1
        error = capsys.readouterr().err
        assert message in error and error.startswith("nnUNetv2_mosmos_label: "), error
    assert not (nnunet_home.raw / NEW).exists()
    assert not (nnunet_home.raw / UNFINISHED).exists()

"""docs/tutorial.md in miniature: real images and text, then a real dataset, by the commands that a user types."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from benchmarks import label_reports
from pretraining.cli.main import main
from pretraining.evaluation.labels import read_labels
from pretraining.tags.vocabulary import load_vocabulary

PAIRS, CASES = 24, 5


# The same command as `main`, in a process that is killed before its fifth step, in the second epoch.
KILLED = """
import os, signal, sys
from pretraining.cli.main import main
from pretraining.training.loop import Trainer

take = Trainer.train_step

def killed(self, batches):
    if self.progress.step == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return take(self, batches)

Trainer.train_step = killed
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def pretrained(shared_data, checkout, tmp_path_factory) -> Path:
    """A folder with a prepared folder, a run that was killed and resumed, and a bundle, from pairs of VQA-RAD."""
    work = tmp_path_factory.mktemp("vqarad")
    source = shared_data / "pairs_vqarad"
    with (source / "pairs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::4][:PAIRS]
    rows.append({"image": "images/not_there.jpg", "report": "The liver is normal.", "body_region": "ABD"})
    with (work / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    folders = {name: str(work / name) for name in ("prepared", "run", "bundle")}
    size = "--image-size 32 32 --stages 3 --epochs 2 --batch-size 8"
    small = f"{size} --scratch-hidden-size 32 --scratch-layers 1 --workers 0".split()
    prepare = ["--input", str(work / "pairs.csv"), "--image-root", str(source), "--workers", "1"]
    train = ["train", "--data", folders["prepared"], "--output", folders["run"], *small]
    assert main(["prepare", *prepare, "--output", folders["prepared"]]) == 0
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    assert subprocess.run([sys.executable, "-c", KILLED, *train], env=environment, check=False).returncode == -9
    shutil.copyfile(work / "run" / "metrics.jsonl", work / "metrics_when_killed.jsonl")
    assert main(train) == 0
    assert main(["export", "--run", folders["run"], "--output", folders["bundle"], "--license", "CC0-1.0"]) == 0
    return work


def test_real_pairs_become_a_bundle_and_the_missing_image_a_reject(pretrained):
    with (pretrained / "prepared" / "rejects.csv").open(encoding="utf-8") as file:
        (reject,) = csv.DictReader(file)
    assert "not_there.jpg" in reject["image"]
    assert "missing" in reject["reason"]
    studies = [json.loads(line) for line in (pretrained / "prepared" / "studies.jsonl").read_text().splitlines()]
    assert len(studies) == PAIRS
    tags = json.loads((pretrained / "bundle" / "bundle.json").read_text())["tags"]
    assert sum(tag["studies"] > 0 for tag in tags) >= 10


def test_a_killed_run_keeps_its_first_epoch_and_goes_on(pretrained):
    # Throughputs are in it: an epoch that was run again would not have the same ones.
    (first,) = (pretrained / "metrics_when_killed.jsonl").read_text().splitlines()
    kept, second = (pretrained / "run" / "metrics.jsonl").read_text().splitlines()
    assert kept == first
    steps = [json.loads(line)["step"] for line in (pretrained / "run" / "steps.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert json.loads(second)["step"] == 6


def test_a_run_on_real_pairs_is_evaluated(pretrained):
    file, page = pretrained / "evaluation.json", pretrained / "evaluation.html"
    words = ["--run", str(pretrained / "run"), "--data", str(pretrained / "prepared"), "--workers", "0"]
    assert main(["evaluate", *words, "--split", "all", "--json", str(file), "--page", str(page)]) == 0
    overall = json.loads(file.read_text())["overall"]
    assert overall["retrieval"]["candidates"] == PAIRS
    assert overall["tags"]["tags_scored"] >= 5
    assert overall["calibration"]["entries"] > 0
    assert "Localization was not measured" in page.read_text(encoding="utf-8")


def test_a_real_volume_gets_maps_in_its_own_geometry(pretrained, shared_data, tmp_path):
    image = shared_data / "ct_abdomen_totalseg" / "example_ct_sm.nii.gz"
    words = [
        "--bundle",
        str(pretrained / "bundle"),
        "--input",
        str(image),
        "--output",
        str(tmp_path),
        "--tags",
        "liver",
    ]
    assert main(["maps", *words]) == 0
    written, source = (sitk.ReadImage(str(path)) for path in (tmp_path / "example_ct_sm" / "liver.nii.gz", image))
    assert written.GetSize() == source.GetSize()
    assert written.GetDirection() == pytest.approx(source.GetDirection(), abs=1e-5)
    assert np.ptp(sitk.GetArrayFromImage(written)) > 0


@pytest.mark.slow
def test_volumes_with_reports_made_from_their_labels_go_the_whole_way_in_3d(shared_data, tmp_path):
    abdomen, neck = shared_data / "ct_abdomen_totalseg", shared_data / "ct_headneck_openkbp"
    names = "brainstem;spinal cord;right parotid;left parotid;esophagus;larynx;mandible"
    rows = [
        (abdomen / "example_ct.nii.gz", abdomen / "example_seg_fast_force_split.nii.gz", "CT", ""),
        (abdomen / "example_mr_sm.nii.gz", abdomen / "example_seg_mr.nii.gz", "MR", ""),
        *(
            (neck / "imagesTr" / f"{case}_0000.nii.gz", neck / "labelsTr" / f"{case}.nii.gz", "CT", names)
            for case in ("kbp_004", "kbp_013", "kbp_017", "kbp_022")
        ),
    ]
    with (tmp_path / "volumes.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([label_reports.COLUMNS, *rows])
    made, prepared, run = tmp_path / "made", tmp_path / "prepared", tmp_path / "run"
    assert label_reports.main(label_reports.Options(tmp_path / "volumes.csv", made)) == 0
    split = ["--val-fraction", "0.2", "--test-fraction", "0.2", "--workers", "1"]
    assert main(["prepare", "--input", str(made / "pairs.csv"), "--output", str(prepared), *split]) == 0
    labels = read_labels(made / "masks", load_vocabulary())
    for study in (json.loads(line) for line in (prepared / "studies.jsonl").read_text().splitlines()):
        shown = set(np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(made / "masks" / f"{study['id']}.nii.gz")))))
        for tag in labels.tags:
            assert (study["tags"].get(tag) == "present") == (not shown.isdisjoint(labels.values[tag])), tag

    small = "--dim 3 --image-size 16 32 32 --stages 3 --batch-size 4 --scratch-hidden-size 32 --scratch-layers 1"
    train = ["train", "--data", str(prepared), "--output", str(run), "--workers", "0", "--epochs", "1", *small.split()]
    assert main(train) == 0
    file = tmp_path / "evaluation.json"
    words = ["--run", str(run), "--data", str(prepared), "--masks", str(made / "masks"), "--split", "all"]
    assert main(["evaluate", *words, "--workers", "0", "--json", str(file)]) == 0
    evaluation = json.loads(file.read_text())
    assert evaluation["masks"]["left_out"] == {}
    assert {"liver", "mandible", "spinal_cord"} <= set(evaluation["overall"]["localization"]["per_tag"])

    bundle = tmp_path / "bundle"
    assert main(["export", "--run", str(run), "--output", str(bundle)]) == 0
    assert main(["export", "--run", str(run), "--output", str(tmp_path / "encoder.pth"), "--format", "nnssl"]) == 0
    words = ["--bundle", str(bundle), "--input", str(rows[0][0]), "--output", str(tmp_path / "maps"), "--tags", "liver"]
    assert main(["maps", *words]) == 0
    (written,) = (tmp_path / "maps").rglob("liver.nii.gz")
    assert sitk.ReadImage(str(written)).GetSize() == sitk.ReadImage(str(rows[0][0])).GetSize()


def test_hippocampi_are_planned_trained_and_predicted_by_nnunets_own_commands(pretrained, shared_data, tmp_path):
    raw, dataset = tmp_path / "raw" / "Dataset004_Hippocampus", shared_data / "mr_hippocampus_msd"
    names = sorted(path.name.removesuffix("_0000.nii.gz") for path in (dataset / "imagesTr").iterdir())[:CASES]
    for folder in ("imagesTr", "labelsTr"):
        (raw / folder).mkdir(parents=True)
        for name in names:
            file = f"{name}_0000.nii.gz" if folder == "imagesTr" else f"{name}.nii.gz"
            shutil.copyfile(dataset / folder / file, raw / folder / file)
    labels = {"background": 0, "anterior hippocampus": 1, "posterior hippocampus": 2}
    description = {"channel_names": {"0": "MR"}, "labels": labels, "numTraining": CASES, "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(description))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("nnUNet_extTrainer", "MOSMOS_BUNDLE")
    }
    environment |= {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    environment |= {"nnUNet_def_n_proc": "1", "nnUNet_n_proc_DA": "1", "nnUNet_compile": "f"}

    def command(words: str) -> str:
        name, *rest = words.split()
        done = subprocess.run(
            [Path(sys.executable).parent / name, *rest],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    trainer = "-tr nnUNetTrainerMOSMOS_smoke -device cpu"
    command("nnUNetv2_plan_and_preprocess -d 4 -c 3d_fullres -npfp 1 -np 1")
    attached = command(f"nnUNetv2_mosmos_attach -d 4 -b {pretrained / 'bundle'}")
    assert "hippocampus_anterior" in attached
    assert "inflated" in attached
    command(f"nnUNetv2_train 4 3d_fullres 0 {trainer}")
    quick = "--disable_tta -npp 0 -nps 0"
    command(f"nnUNetv2_predict -d 4 -c 3d_fullres -f 0 {trainer} {quick} -i {raw / 'imagesTr'} -o {tmp_path / 'out'}")
    for name in names:
        predicted = sitk.ReadImage(str(tmp_path / "out" / f"{name}.nii.gz"))
        assert predicted.GetSize() == sitk.ReadImage(str(raw / "labelsTr" / f"{name}.nii.gz")).GetSize()

"""The README's tutorial in miniature: real images and text, then a real dataset, by the commands that a user types."""

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

from pretraining.cli.main import main

PAIRS, CASES = 24, 5


@pytest.fixture(scope="module")
def pretrained(shared_data, tmp_path_factory) -> Path:
    """A folder with a prepared folder, a run and a bundle, from the first pairs of VQA-RAD."""
    work = tmp_path_factory.mktemp("vqarad")
    source = shared_data / "pairs_vqarad"
    with (source / "pairs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:PAIRS]
    rows.append({"image": "images/not_there.jpg", "report": "The liver is normal.", "body_region": "ABD"})
    with (work / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    folders = {name: str(work / name) for name in ("prepared", "run", "bundle")}
    size = "--image-size 32 32 --stages 3 --epochs 1 --batch-size 8"
    small = f"{size} --scratch-hidden-size 32 --scratch-layers 1 --workers 0".split()
    prepare = ["--input", str(work / "pairs.csv"), "--image-root", str(source), "--workers", "1"]
    assert main(["prepare", *prepare, "--output", folders["prepared"]]) == 0
    assert main(["train", "--data", folders["prepared"], "--output", folders["run"], *small]) == 0
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

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from sklearn.metrics import roc_auc_score

from pretraining.cli.main import main
from pretraining.maps.mapper import AttentionMapper
from pretraining.studies.arrays import read_array, write_array
from pretraining.studies.manifest import read_manifest, write_manifest

CENTERS = {"liver": (9, 8), "spleen": (9, 24), "kidney_left": (22, 22), "kidney_right": (22, 10)}


@pytest.fixture(scope="session")
def masks(prepared, tmp_path_factory):
    """Squares at the organs' places, for the studies that show them; the last study's mask is of another size."""
    folder = tmp_path_factory.mktemp("labelled") / "masks"
    folder.mkdir()
    (folder.parent / "labels.json").write_text(json.dumps({name: value for value, name in enumerate(CENTERS, 1)}))
    for study in read_manifest(prepared):
        voxels = np.zeros((32, 32), np.uint8)
        for value, (tag, (row, column)) in enumerate(CENTERS.items(), start=1):
            if study.tags.get(tag) == "present":
                voxels[row - 3 : row + 3, column - 3 : column + 3] = value
        voxels = voxels[:-1] if study.id == "study39" else voxels
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / f"{study.id}.nii.gz"))
    return folder


def evaluate(tmp_path, *words):
    code = main(["evaluate", "--json", str(tmp_path / "found.json"), "--workers", "0", *map(str, words)])
    return code, json.loads((tmp_path / "found.json").read_text(encoding="utf-8")) if code == 0 else None


def test_a_run_on_its_validation_studies(finished_run, prepared, masks, tmp_path):
    page = tmp_path / "page.html"
    code, found = evaluate(
        tmp_path, "--run", finished_run, "--data", prepared, "--masks", masks, "--split", "val", "--page", page
    )
    assert code == 0
    overall = found["overall"]
    assert overall["studies"] == found["data"]["studies"] == 8
    assert overall["few"]
    assert overall["retrieval"]["image_to_report"]["r10"]["value"] == 1.0
    assert set(overall["tags"]["per_tag"]) == set(CENTERS)
    assert overall["localization"]["per_tag"]["liver"]["prior"]["auroc"] > 0.99, "organs never move here"
    assert found["masks"]["prior"] == {"source": "training studies", "images": 32}
    assert list(found["masks"]["left_out"]) == ["study39"]
    assert set(found["regions"]) == {"abdomen"}
    assert found["model"]["step"] > 0
    text = page.read_text(encoding="utf-8") + (tmp_path / "found.json").read_text(encoding="utf-8")
    assert "study39" in text
    assert "CANARY" not in text
    assert "The liver is" not in text, "patient text stays out"
    assert not re.search(r"(src|href)=\"(?!data:)", text), "the page needs nothing beside it"


def test_reports_are_shown_on_demand(finished_run, prepared, tmp_path):
    page = tmp_path / "page.html"
    words = ("--run", finished_run, "--data", prepared, "--split", "val", "--page", page, "--show-reports")
    assert evaluate(tmp_path, *words)[0] == 0
    assert "The liver is" in page.read_text(encoding="utf-8")
    assert "contains patient text" in page.read_text(encoding="utf-8")
    assert "The liver is" not in (tmp_path / "found.json").read_text(encoding="utf-8")


def test_a_bundle_says_the_same_of_tags_and_maps_as_its_run(finished_run, bundle, prepared, masks, tmp_path):
    words = ("--data", prepared, "--masks", masks, "--split", "val")
    code, found = evaluate(tmp_path, "--bundle", bundle.path, *words)
    _, of_run = evaluate(tmp_path, "--run", finished_run, "--checkpoint", "latest", *words)
    assert code == 0
    assert "no text encoder" in found["overall"]["retrieval"]["not_available"]
    for name in ("tags", "calibration", "localization"):
        assert json.dumps(found["overall"][name]) == json.dumps(of_run["overall"][name])
    assert found["overall"]["localization"]["per_tag"]["liver"]["attention"]["auroc"] == pytest.approx(
        liver_auroc_of_written_maps(bundle, prepared)
    )


def liver_auroc_of_written_maps(bundle, prepared):
    """From the maps that `mosmos_pretrain maps` makes."""
    mapper = AttentionMapper(bundle, ["liver"], torch.device("cpu"))
    found = []
    for study in read_manifest(prepared):
        if study.split == "val" and study.tags.get("liver") == "present" and study.id != "study39":
            row, column = CENTERS["liver"]
            mask = np.zeros((32, 32), bool)
            mask[row - 3 : row + 3, column - 3 : column + 3] = True
            values = mapper(read_array(prepared / study.images[0])).maps[0]
            found.append(roc_auc_score(mask.ravel(), values.ravel()))
    return np.mean(found)


@pytest.fixture
def altered(prepared, tmp_path):
    """A copy of the prepared folder with one study, whose image can be replaced."""
    folder = tmp_path / "altered"
    shutil.copytree(prepared, folder)
    study = replace(read_manifest(folder)[-1], split="test")
    write_manifest(folder, [study])
    return folder, study


def test_without_training_masks_the_other_patients_are_the_prior(bundle, prepared, masks, tmp_path):
    folder = tmp_path / "foreign"
    shutil.copytree(prepared, folder)
    write_manifest(folder, [replace(study, split="test") for study in read_manifest(folder)])
    code, found = evaluate(tmp_path, "--bundle", bundle.path, "--data", folder, "--masks", masks)
    assert code == 0
    assert found["masks"]["prior"] == {"source": "the other evaluated patients", "images": 39}


@pytest.mark.parametrize("shape", [(2, 32, 32), (1, 8, 8, 8)])
def test_images_that_the_network_cannot_read(shape, bundle, altered, tmp_path, capsys):
    folder, study = altered
    write_array(folder / study.images[0], np.zeros(shape, np.float32), {})
    assert evaluate(tmp_path, "--bundle", bundle.path, "--data", folder)[0] == 1
    error = capsys.readouterr().err
    assert f"study '{study.id}' has an image in {len(shape) - 1}D with {shape[0]} channel(s)" in error
    assert error.strip().count("\n") == 0


def test_mistakes_are_one_sentence(finished_run, bundle, prepared, masks, tmp_path, capsys):
    (tmp_path / "labels.json").write_text('{"liver": 1}')
    (tmp_path / "empty").mkdir()
    here = ("--data", prepared, "--split", "val")
    for words, said in {
        here: "either --run or --bundle",
        (*here, "--run", finished_run, "--bundle", bundle.path): "either --run or --bundle",
        ("--data", prepared, "--bundle", bundle.path): "no study in the split 'test'; give --split as one of: train",
        (*here, "--bundle", bundle.path, "--masks", tmp_path / "empty"): "no mask in",
        (*here, "--bundle", bundle.path, "--masks", prepared / "images"): "no labels.json",
        (*here, "--bundle", tmp_path): "has no bundle.json",
        (*here, "--run", tmp_path): "is not a run",
        (*here, "--run", finished_run, "--show-reports"): "--page",
        (*here, "--run", finished_run, "--page", tmp_path): "is a folder",
        (*here, "--bundle", bundle.path, "--checkpoint", "latest"): "--checkpoint latest is for --run",
        (*here, "--run", finished_run, "--batch-size", 0): "--batch-size must be at least 1",
    }.items():
        assert evaluate(tmp_path, *words)[0] == 1, said
        error = capsys.readouterr().err.strip()
        assert said in error
        assert error.count("\n") == 0
    assert not (tmp_path / "found.json").exists()


def test_the_page_of_a_bundle_says_what_was_not_measured(bundle, altered, tmp_path):
    folder, study = altered
    write_manifest(folder, [replace(study, id="<i>odd</i>", regions=())])
    page = tmp_path / "page.html"
    code, found = evaluate(tmp_path, "--bundle", bundle.path, "--data", folder, "--page", page)
    assert code == 0
    assert list(found["regions"]) == ["unknown"]
    assert found["overall"]["tags"]["mean"]["auc"] is None
    text = page.read_text(encoding="utf-8")
    assert "Retrieval is not available: a bundle carries no text encoder." in text
    assert "Localization was not measured" in text
    assert "Few studies" in text
    assert "<i>" not in text
    assert "NaN" not in text and "None" not in text.split("<h2>Details")[0]

import numpy as np
import pytest
from PIL import Image

from nnunetv2_mosmos.demo.maps import MappedStudy, chosen_tags, most_organs
from nnunetv2_mosmos.demo.report import map_row
from pretraining.studies.manifest import Study


def overall(**tags):
    """Tag to the number of masks that show it and its recognition AUC."""
    return {
        "localization": {"per_tag": {tag: {"attention": {"studies": studies}} for tag, (studies, _) in tags.items()}},
        "tags": {"per_tag": {tag: {"auc": auc} for tag, (_, auc) in tags.items()}},
    }


def test_labelled_organs_come_first_then_those_that_reports_disagree_about():
    found = overall(
        aorta=(90, None), spleen=(40, 0.9), stomach=(60, 0.5), liver=(10, 0.9), kidney=(70, 0.9), kidney_left=(60, 0.9)
    )
    order = ["liver", "kidney", "stomach", "spleen", "aorta"]
    assert chosen_tags(found, ["liver"], {"kidney_left": "kidney"}, 10) == order
    assert chosen_tags(found, ["liver"], {"kidney_left": "kidney"}, 2) == order[:2]
    assert "kidney_left" in chosen_tags(overall(kidney_left=(3, 0.5)), [], {"kidney_left": "kidney"}, 10)


def test_the_studies_with_most_organs_are_of_different_patients(tmp_path):
    studies = []
    for name, patient, values in (("a", "p", [1]), ("b", "p", [1, 2, 3]), ("c", "q", [1, 2]), ("d", "r", [])):
        mask = np.zeros((10, 10), np.uint8)
        for value in values:
            mask[value] = value
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
        studies.append(Study(id=name, patient=patient, split="test", images=(f"{name}.b2nd",)))
    values = {"liver": (1,), "kidney": (2, 3), "spleen": (9,)}
    chosen = most_organs(studies, tmp_path, values, list(values), 2)
    assert [study.id for study in chosen] == ["b", "c"]


@pytest.fixture
def study():
    """The liver, which its map finds, on the left half; no spleen."""
    liver = np.zeros((10, 10), bool)
    liver[:, :5] = True
    return MappedStudy(
        image=np.zeros((10, 10), np.uint8),
        organs={"liver": liver, "spleen": np.zeros_like(liver)},
        maps={"liver": liver.astype(np.float32), "spleen": np.zeros((10, 10), np.float32)},
        probabilities={"liver": 0.931, "spleen": 0.042},
    )


def test_every_map_has_its_probability_and_its_auroc_where_the_organ_is(study):
    row = map_row(1, study, ["liver", "spleen"])
    assert [(tile.caption, *tile.notes) for tile in row.tiles] == [
        ("image",), ("liver", "p 0.93", "AUROC 1.00"), ("spleen", "p 0.04", "not there"),
    ]  # fmt: skip

import json
from dataclasses import replace

import pytest

from nnunetv2_mosmos.attach.attachment import Attachment, write_attachment
from nnunetv2_mosmos.doctor.bundles import check_bundle, check_dataset

TAGS = {"liver": "liver", "kidney_left": "kidney_left"}
LABELS = {"background": 0, "liver": 1, "kidney_left": 2, "ignore": 3}


@pytest.fixture
def dataset(tmp_path, unet_bundle, monkeypatch):
    """A function that writes a preprocessed dataset with the bundle attached."""
    monkeypatch.delenv("MOSMOS_BUNDLE", raising=False)
    folder = tmp_path / "Dataset004_Abdomen"
    folder.mkdir()
    (folder / "nnUNetPlans.json").write_text('{"configurations": {}}')

    def write(label_tags=TAGS, labels=LABELS, **changes):
        attachment = Attachment(unet_bundle.path, unet_bundle.info.weights_sha256, label_tags)
        write_attachment(folder, replace(attachment, **changes))
        (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
        return folder

    return write


def levels(findings):
    return [finding.level for finding in findings]


def test_a_whole_bundle_is_described(unet_bundle):
    (finding,) = check_bundle(unet_bundle.path)
    assert finding.level == "ok"
    assert "plainconv, 2D, 4 of 5 tags" in finding.text


def test_what_is_no_bundle_is_a_problem_in_one_sentence(tmp_path):
    (finding,) = check_bundle(tmp_path / "missing")
    assert finding.level == "problem"
    assert "mosmos_pretrain export" in finding.text


def test_a_dataset_as_it_should_be(dataset, unet_bundle):
    (finding,) = check_dataset(dataset())
    assert finding.level == "ok"
    assert unet_bundle.path.name in finding.text


def test_a_dataset_without_bundle_is_a_problem_and_without_plans_a_warning(tmp_path, monkeypatch):
    monkeypatch.delenv("MOSMOS_BUNDLE", raising=False)
    plans, bundle = check_dataset(tmp_path / "Dataset042_New")
    assert (plans.level, plans.remedy) == ("warning", "nnUNetv2_plan_and_preprocess -d 42")
    assert bundle.level == "problem"
    assert "nnUNetv2_mosmos_attach" in bundle.text


@pytest.mark.parametrize(("content", "planned"), [('{"configurations": {}}', True), ("[]", False), ("{", False)])
def test_plans_may_have_any_name(tmp_path, monkeypatch, content, planned):
    monkeypatch.delenv("MOSMOS_BUNDLE", raising=False)
    (tmp_path / "mine.json").write_text(content)
    assert levels(check_dataset(tmp_path)) == (["problem"] if planned else ["warning", "problem"])


def test_a_bundle_that_changed_since_is_a_problem(dataset):
    (finding,) = check_dataset(dataset(sha256="0" * 64))
    assert finding.level == "problem"
    assert "changed" in finding.text


def test_labels_that_changed_since_are_a_problem_that_names_them(dataset):
    tags = {"liver": "brain", "kidney_left": "kidney_left", "gone": "liver"}
    _, finding = check_dataset(dataset(tags, {**LABELS, "spleen": 4}, force=True))
    assert finding.level == "problem"
    assert finding.text.endswith(": gone, spleen")
    assert finding.remedy.startswith("nnUNetv2_mosmos_attach -d Dataset004_Abdomen")
    assert finding.remedy.endswith(" --map liver=brain --force")


def test_labels_without_tag_or_without_studies_are_warnings_that_name_them(dataset):
    labels = {"background": 0, "liver": 1, "spleen": 2, "thing": 3}
    _, without, unseen = check_dataset(dataset({"liver": "liver", "spleen": "spleen", "thing": None}, labels))
    assert levels([without, unseen]) == ["warning", "warning"]
    assert without.text.endswith("for thing")
    assert "spleen" in unseen.text
    assert "liver" not in unseen.text


def test_the_variable_that_overrides_the_attachment_is_told(dataset, unet_bundle, monkeypatch):
    monkeypatch.setenv("MOSMOS_BUNDLE", str(unet_bundle.path))
    (finding,) = check_dataset(dataset())
    assert "MOSMOS_BUNDLE" in finding.text

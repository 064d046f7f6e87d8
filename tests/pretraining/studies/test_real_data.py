"""The real folders beside the checkout; skipped, visibly, without them."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import SimpleITK as sitk

from pretraining.errors import UserError
from pretraining.studies.arrays import read_array, read_geometry
from pretraining.studies.manifest import read_manifest
from pretraining.studies.options import PrepareOptions
from pretraining.studies.prepare import prepare


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Prepares without the page; the studies by id and the folder."""
    monkeypatch.setattr("pretraining.studies.page.write_page", lambda *_: None)

    def go(**options):
        prepared = prepare(PrepareOptions(output=tmp_path / "out", **({"workers": 1} | options)))
        return {study.id: study for study in read_manifest(tmp_path / "out")}, prepared, tmp_path / "out"

    return go


def test_question_and_answer_pairs(run, shared_data, tmp_path):
    with (shared_data / "pairs_vqarad/pairs.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    with (tmp_path / "some.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows[::6]])
    studies, prepared, _ = run(input=tmp_path / "some.csv", image_root=shared_data / "pairs_vqarad")
    assert len(studies) == len(rows[::6])
    assert prepared.rejects == ()
    assert {region for study in studies.values() for region in study.regions} == {"abdomen", "chest", "head"}
    assert np.mean([bool(study.tags) for study in studies.values()]) > 0.9


def test_chest_radiographs_with_notes(run, shared_data):
    folder = shared_data / "pairs_covid_ccby"
    studies, _, _ = run(input=folder / "metadata.csv", image_root=folder / "images")
    assert len(studies) == 7
    assert {study.modality for study in studies.values()} == {"XR"}
    assert sum(study.tags.get("lung") == "present" for study in studies.values()) >= 5


def test_ct_and_its_labels_stay_together(run, shared_data, tmp_path):
    folder = shared_data / "ct_abdomen_totalseg"
    (tmp_path / "a.csv").write_text("image,mask,modality\nexample_ct_sm.nii.gz,example_seg.nii.gz,CT\n")
    source, truth = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(folder / name)))
        for name in ("example_ct_sm.nii.gz", "example_seg.nii.gz")
    )
    options = {"input": tmp_path / "a.csv", "image_root": folder, "images_only": True}
    for spacing in ((), (4.0,)):
        studies, _, out = run(**options, target_spacing=spacing)
        study = studies["example_ct_sm"]
        image, labels = read_array(out / study.images[0]), read_array(out / study.masks[0])
        # TotalSegmentator's labels, in a CT without contrast: 1 spleen, 5 liver.
        for label in (1, 5):
            assert image[labels == label].mean() == pytest.approx(
                source[truth == label].mean(), abs=6 if spacing else 1e-6
            )
        assert image.dtype == np.int16
        geometry = read_geometry(out / study.images[0])
        assert geometry["original_orientation"] == "RAS"
        liver, spleen = (np.argwhere(labels[0] == label).mean(axis=0) for label in (5, 1))
        assert liver[2] < spleen[2], "x runs to the patient's left"
        assert geometry["spacing"] == ([4.0] * 3 if spacing else [3.0] * 3)


def test_a_dicom_series_and_its_segmentation_in_nrrd(run, shared_data, tmp_path):
    folder = shared_data / "ct3slice_dcmqi"
    (tmp_path / "a.csv").write_text("image,mask\nct-3slice,liver_seg.nrrd\n")
    studies, prepared, out = run(input=tmp_path / "a.csv", image_root=folder, images_only=True)
    study = studies["ct-3slice"]
    assert (study.modality, study.spacings) == ("CT", (pytest.approx((1.0, 0.810547, 0.810547)),))
    image, labels = read_array(out / study.images[0]), read_array(out / study.masks[0])
    assert image.shape == labels.shape == (1, 3, 512, 512)
    assert 0 < image[labels > 0].mean() < 200
    assert prepared.rejects == ()


def test_mr_volumes_in_nnunets_layout(run, shared_data):
    folder = shared_data / "mr_hippocampus_msd"
    studies, _, out = run(
        input=folder / "imagesTr", mask_root=folder / "labelsTr", images_only=True, modality="MR", pattern="*_00[0-9]_*"
    )
    assert studies
    for study in studies.values():
        labels = read_array(out / study.masks[0])
        assert set(np.unique(labels)) == {0, 1, 2}
        assert labels.shape == read_array(out / study.images[0]).shape


def test_slices_of_a_patient_stay_in_one_split(run, shared_data):
    folder = shared_data / "mr_heart_sunnybrook"
    studies, _, _ = run(input=folder / "images", images_only=True, patient_pattern=r"(SC-[A-Z-]+\d+)-IM", max_side=64)
    assert len(studies) == 90
    patients = {study.patient for study in studies.values()}
    assert 1 < len(patients) < 20
    assert len({(study.patient, study.split) for study in studies.values()}) == len(patients)


def test_captions_without_images_are_one_sentence(run, shared_data):
    with pytest.raises(UserError, match=r"because the file is missing \(3388 of 3388 rejects\)"):
        run(input=shared_data / "text_roco_ccby/roco_validation_ccby.tsv")

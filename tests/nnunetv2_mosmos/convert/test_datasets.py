import filecmp
import json
import shutil

import nibabel
import numpy as np
import pytest

from nnunetv2_mosmos.convert.datasets import read_source
from nnunetv2_mosmos.convert.write import convert
from nnunetv2_mosmos.labels.tags import resolve_label_tags
from pretraining.errors import UserError
from pretraining.tags.vocabulary import load_vocabulary

ABDOMEN = {
    "spleen": "spleen",
    "right kidney": "kidney_right",
    "left kidney": "kidney_left",
    "esophagus": "esophagus",
    "liver": "liver",
    "stomach": "stomach",
    "pancreas": "pancreas",
    "right adrenal gland": "adrenal_gland_right",
    "left adrenal gland": "adrenal_gland_left",
}
TAGS = {
    "btcv": {
        **ABDOMEN,
        "gallbladder": "gallbladder",
        "aorta": "aorta",
        "inferior vena cava": "inferior_vena_cava",
        "portal vein and splenic vein": "portal_vein_and_splenic_vein",
    },
    "amos": {
        **ABDOMEN,
        "gall bladder": "gallbladder",
        "arota": "aorta",
        "postcava": "inferior_vena_cava",
        "duodenum": "duodenum",
        "bladder": "urinary_bladder",
        "prostate/uterus": "prostate_or_uterus",
    },
    "mmwhs": {
        "left ventricle blood cavity": "heart_ventricle_left",
        "right ventricle blood cavity": "heart_ventricle_right",
        "left atrium blood cavity": "heart_atrium_left",
        "right atrium blood cavity": "heart_atrium_right",
        "myocardium of the left ventricle": "heart_myocardium",
        "ascending aorta": "aorta",
        "pulmonary artery": "pulmonary_artery",
    },
    "brats": {
        "whole tumor": "brain_tumor",
        "tumor core": "brain_tumor_core",
        "enhancing tumor": "brain_tumor_enhancing",
    },
}


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def voxels(file):
    return np.asarray(nibabel.load(file).dataobj)


@pytest.mark.parametrize(
    ("layout", "modality"),
    [
        ("btcv", None),
        ("mmwhs", "ct"),
        ("mmwhs", "both"),
        ("amos", "ct"),
        ("amos", "mr"),
        ("brats", None),
        ("brats2018", None),
        ("brats2023", None),
    ],
)
def test_nnunet_finds_no_fault_and_every_label_has_its_tag(download, raw, threads, layout, modality):
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

    name = layout.removesuffix("2018").removesuffix("2023")
    folder = raw / "Dataset501_Any"
    conversion = convert(read_source(name, download(layout), modality), folder)
    assert conversion.rejects == ()
    with threads():
        verify_dataset_integrity(str(folder), num_processes=1)
    labels = json.loads((folder / "dataset.json").read_text())["labels"]
    vocabulary = load_vocabulary()
    assert resolve_label_tags(labels, vocabulary, vocabulary.ids) == TAGS[name]


def test_btcv_keeps_its_files_and_takes_the_test_images_along(download, raw):
    source = download("btcv")
    folder = raw / "Dataset017_BTCV"
    conversion = convert(read_source("btcv", source, None), folder)
    assert (conversion.training, conversion.test) == (2, 1)
    assert names(folder) == ["dataset.json", "imagesTr", "imagesTs", "labelsTr", "rejects.csv"]
    assert names(folder / "imagesTr") == ["img0001_0000.nii.gz", "img0002_0000.nii.gz"]
    assert names(folder / "labelsTr") == ["img0001.nii.gz", "img0002.nii.gz"]
    assert names(folder / "imagesTs") == ["img0061_0000.nii.gz"]
    original = source / "Abdomen" / "RawData" / "Training" / "label" / "label0002.nii.gz"
    assert filecmp.cmp(folder / "labelsTr" / "img0002.nii.gz", original, shallow=False)
    content = json.loads((folder / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "CT"}
    assert content["labels"]["portal vein and splenic vein"] == 10
    assert content["labels"]["left adrenal gland"] == 13


@pytest.mark.parametrize("inner", ["Abdomen", "Abdomen/RawData"])
def test_any_outer_folder_of_the_download_will_do(download, inner):
    assert len(read_source("btcv", download("btcv") / inner, None).training) == 2


def test_mmwhs_values_become_consecutive_and_the_published_slip_is_mended(download, raw):
    source = download("mmwhs")
    folder = raw / "Dataset042_MMWHS"
    conversion = convert(read_source("mmwhs", source, "mr"), folder)
    assert conversion.slips == ("mr_train_1002",)
    label = source / "MM-WHS 2017 Dataset" / "mr_train" / "mr_train_1002_label.nii.gz"
    original, converted = voxels(label), voxels(folder / "labelsTr" / "mr_train_1002.nii.gz")
    expected = {0: 0, 500: 1, 600: 2, 420: 3, 421: 3, 550: 4, 205: 5, 820: 6, 850: 7}
    assert {(before, after) for before, after in zip(original.flat, converted.flat, strict=True)} == set(
        expected.items()
    )
    np.testing.assert_array_equal(
        nibabel.load(folder / "labelsTr" / "mr_train_1002.nii.gz").affine, nibabel.load(label).affine
    )


def test_mmwhs_modalities_are_taken_apart_or_together(download):
    source = download("mmwhs")
    found = {modality: read_source("mmwhs", source, modality) for modality in ("ct", "mr", "both")}
    assert [case.name for case in found["mr"].training] == ["mr_train_1001", "mr_train_1002"]
    assert [case.name for case in found["ct"].test] == ["ct_test_2001"]
    assert len(found["both"].training) == 4
    # nnU-Net decides by this name how it normalizes.
    assert {key: source.channels[0] for key, source in found.items()} == {
        "ct": "CT",
        "mr": "MR",
        "both": "either_CT_or_MR",
    }


@pytest.mark.parametrize("modality", ["ct", "both"])
def test_amos_becomes_what_nnunets_own_conversion_makes_of_it(download, raw, modality):
    from nnunetv2.dataset_conversion.Dataset218_Amos2022_task1 import convert_amos_task1
    from nnunetv2.dataset_conversion.Dataset219_Amos2022_task2 import convert_amos_task2

    source = download("amos")
    {"ct": convert_amos_task1, "both": convert_amos_task2}[modality](str(source / "amos22"), 218)
    (theirs,) = raw.iterdir()
    ours = raw / "Dataset301_AMOS22"
    convert(read_source("amos", source, modality), ours)
    for part in ("imagesTr", "imagesTs", "labelsTr"):
        assert names(ours / part) == names(theirs / part)
        assert filecmp.cmpfiles(ours / part, theirs / part, names(ours / part), shallow=False)[1:] == ([], [])
    described = [json.loads((folder / "dataset.json").read_text()) for folder in (ours, theirs)]
    for key in ("channel_names", "labels", "numTraining", "file_ending", "overwrite_image_reader_writer"):
        assert described[0][key] == described[1][key]


def test_amos_offers_mr_alone(download):
    source = read_source("amos", download("amos"), "mr")
    assert [case.name for case in (*source.training, *source.test)] == ["amos_0507", "amos_0601"]


@pytest.mark.parametrize("content", ["{", "[]", '{"labels": {}}', '{"labels": {"0": "background"}, "training": [1]}'])
def test_another_dataset_json_is_no_amos(download, content):
    folder = download("amos")
    (folder / "amos22" / "dataset.json").write_text(content)
    with pytest.raises(UserError, match="is not AMOS22's list"):
        read_source("amos", folder, "ct")


def test_brats_labels_become_what_nnunets_own_conversion_makes_of_them(download, raw, tmp_path):
    from nnunetv2.dataset_conversion.Dataset137_BraTS21 import copy_BraTS_segmentation_and_convert_labels_to_nnUNet

    source = download("brats")
    folder = raw / "Dataset137_BraTS"
    convert(read_source("brats", source, None), folder)
    case = "BraTS2021_00002"
    theirs = tmp_path / "theirs.nii.gz"
    copy_BraTS_segmentation_and_convert_labels_to_nnUNet(str(source / case / f"{case}_seg.nii.gz"), str(theirs))
    np.testing.assert_array_equal(voxels(folder / "labelsTr" / f"{case}.nii.gz"), voxels(theirs))
    for channel, ending in enumerate(("t1", "t1ce", "t2", "flair")):
        image = folder / "imagesTr" / f"{case}_{channel:04d}.nii.gz"
        assert filecmp.cmp(image, source / case / f"{case}_{ending}.nii.gz", shallow=False)
    content = json.loads((folder / "dataset.json").read_text())
    assert content["labels"]["whole tumor"] == [1, 2, 3]
    assert content["labels"]["tumor core"] == [2, 3]
    assert content["regions_class_order"] == [1, 2, 3]


def test_brats_2023_names_and_values_mean_the_same(download, raw):
    source = download("brats2023")
    folder = raw / "Dataset137_BraTS"
    convert(read_source("brats", source, None), folder)
    case = "BraTS-GLI-00000-000"
    pairs = zip(
        voxels(source / case / f"{case}-seg.nii.gz").flat,
        voxels(folder / "labelsTr" / f"{case}.nii.gz").flat,
        strict=True,
    )
    assert set(pairs) == {(0, 0), (1, 2), (2, 1), (3, 3)}
    for channel, ending in enumerate(("t1n", "t1c", "t2w", "t2f")):
        image = folder / "imagesTr" / f"{case}_{channel:04d}.nii.gz"
        assert filecmp.cmp(image, source / case / f"{case}-{ending}.nii.gz", shallow=False)


def test_uncompressed_files_are_compressed_unchanged(download, raw):
    source = download("brats2018")
    folder = raw / "Dataset043_BraTS"
    conversion = convert(read_source("brats", source, None), folder, link=True)
    assert conversion.training == 2
    original = source / "LGG" / "Brats18_TCIA13_642_1" / "Brats18_TCIA13_642_1_t2.nii"
    np.testing.assert_array_equal(voxels(folder / "imagesTr" / "Brats18_TCIA13_642_1_0002.nii.gz"), voxels(original))


def test_years_of_brats_whose_values_differ_do_not_mix(download):
    folder = download("brats")
    assert download("brats2023") == folder
    with pytest.raises(UserError, match="BraTS 2021 beside those of 2023"):
        read_source("brats", folder, None)


@pytest.mark.parametrize(
    ("name", "modality", "message"),
    [
        ("btcv", None, "holds no Training/img: give the folder of the unpacked download"),
        ("mmwhs", "mr", "holds no mr_train"),
        ("amos", "ct", "holds no dataset.json"),
        ("brats", None, "holds no case of BraTS"),
        ("amos", None, "has CT and MR images: say which to take with --modality ct or mr or both"),
        ("btcv", "mr", "btcv offers --modality ct, not mr"),
    ],
)
def test_what_is_not_the_download_is_refused(tmp_path, name, modality, message):
    with pytest.raises(UserError, match=message):
        read_source(name, tmp_path, modality)


def test_shadow_files_of_a_mac_are_no_data(download, volume_writer):
    folder = download("mmwhs")
    volume_writer(folder / "__MACOSX" / "ct_train" / "._ct_train_1001_image.nii.gz")
    volume_writer(folder / "MM-WHS 2017 Dataset" / "ct_train" / "._ct_train_1001_image.nii.gz")
    assert len(read_source("mmwhs", folder, "ct").training) == 2


def test_a_folder_with_two_downloads_is_refused(download, tmp_path):
    shutil.copytree(download("btcv") / "Abdomen", tmp_path / "download" / "copy")
    with pytest.raises(UserError, match="holds Training/img more than once"):
        read_source("btcv", tmp_path / "download", None)

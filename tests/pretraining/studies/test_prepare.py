from __future__ import annotations

import csv
import errno
import json
import os
import shutil

import blosc2
import numpy as np
import pytest
from PIL import Image

from pretraining.data.corpus import read_corpus
from pretraining.errors import UserError
from pretraining.studies.arrays import read_array
from pretraining.studies.manifest import read_manifest
from pretraining.studies.options import PrepareOptions
from pretraining.studies.prepare import prepare
from pretraining.tags.vocabulary import load_vocabulary

LIVER = "The liver is normal. Status post splenectomy."


@pytest.fixture(scope="module")
def vocabulary():
    return load_vocabulary()


@pytest.fixture(autouse=True)
def _quick(monkeypatch, vocabulary):
    """One vocabulary for all tests, and no page: test_page.py looks at that."""
    monkeypatch.setattr("pretraining.studies.prepare.load_vocabulary", lambda _: vocabulary)
    monkeypatch.setattr("pretraining.studies.page.write_page", lambda *_: None)


@pytest.fixture
def run(tmp_path):
    """Prepares rows (image, report and more) given as dicts: manifest by id, rejects by id."""

    def go(rows, **options):
        table = tmp_path / "pairs.jsonl"
        table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        settings = {"workers": 1} | options
        prepare(PrepareOptions(input=table, output=tmp_path / "out", **settings))
        return {study.id: study for study in read_manifest(tmp_path / "out")}, rejects(tmp_path / "out")

    return go


def rejects(folder):
    with (folder / "rejects.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def summary(folder):
    return json.loads((folder / "prepare.json").read_text(encoding="utf-8"))


def good(picture, count=3):
    return [{"id": f"good{k}", "image": str(picture(f"good{k}.png", k)), "report": LIVER} for k in range(count)]


def test_reports_become_tags_with_their_states_and_sentences(run, picture, tmp_path):
    studies, rejected = run([*good(picture)])
    study = studies["good0"]
    assert study.tags["liver"] == "present"
    assert study.tags["spleen"] == "absent"
    assert study.sentences["liver"] == ("The liver is normal.",)
    assert "abdomen" in study.regions
    assert rejected == {}
    stored = read_array(tmp_path / "out" / study.images[0])
    np.testing.assert_array_equal(stored[0], np.asarray(Image.open(tmp_path / "good0.png")))


def test_a_region_column_overrides_the_text(run, picture):
    rows = good(picture, 2)
    rows[0]["body_region"] = "CHEST"
    studies, _ = run(rows)
    assert studies["good0"].regions == ("chest",)
    assert "abdomen" in studies["good1"].regions


def test_the_header_of_dicom_gives_region_modality_and_patient(run, tmp_path, write_dicom):
    rows = []
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 99, (20, 20)).astype(np.uint16)
        fields = {"modality": "DX", "body_part": "CHEST", "patient": f"P{number // 2}"}
        rows.append({"image": str(write_dicom(tmp_path / f"{number}.dcm", pixels, **fields)), "report": LIVER})
    studies, _ = run(rows)
    assert studies["0"].regions == ("chest",)
    assert studies["0"].modality == "XR"
    assert [studies[str(number)].patient for number in range(4)] == ["P0", "P0", "P1", "P1"]


def test_several_images_of_a_report_and_several_reports_of_an_image(run, picture):
    first, second = str(picture("a.png", 1)), str(picture("b.png", 2))
    studies, rejected = run(
        [
            {"id": "1", "image": [first, second], "report": LIVER},
            {"id": "2", "image": second, "report": "Normal pancreas."},
            {"id": "3", "image": str(picture("c.png", 3)), "report": LIVER},
        ]
    )
    assert len(studies["1"].images) == 2
    assert studies["1"].images[1] == studies["2"].images[0]
    assert studies["1"].split == studies["2"].split
    assert rejected == {}


def test_every_image_of_a_study_keeps_its_own_spacing(run, nifti, tmp_path):
    def volume(number, spacing):
        voxels = np.random.default_rng(number).normal(size=(4, 8, 8)).astype(np.float32)
        return str(nifti(f"{number}.nii.gz", voxels, spacing))

    rows = [{"id": "two", "image": [volume(0, (1, 1, 1)), volume(1, (1, 1, 5))], "report": LIVER, "split": "train"}]
    studies, _ = run(rows)
    assert studies["two"].spacings == ((1, 1, 1), (5, 1, 1))
    assert [pair.spacing for pair in read_corpus(tmp_path / "out").pairs] == [(1, 1, 1), (5, 1, 1)]


def test_a_study_of_several_modalities_is_flagged(run, tmp_path, write_dicom):
    images = []
    for number, modality in enumerate(("DX", "US")):
        pixels = np.random.default_rng(number).integers(0, 99, (20, 20)).astype(np.uint16)
        images.append(str(write_dicom(tmp_path / f"{number}.dcm", pixels, modality=modality)))
    studies, _ = run([{"id": "1", "image": images, "report": LIVER}])
    assert studies["1"].modality == "XR"
    assert "images of several modalities (XR, US): the study counts as XR" in studies["1"].flags


def test_a_second_run_reads_only_what_is_new(run, picture, tmp_path, monkeypatch):
    rows = good(picture)
    run(rows)
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out/images").iterdir()}
    run([*rows, {"id": "new", "image": str(picture("new.png", 9)), "report": LIVER}])
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out/images").iterdir()}
    assert {name: after[name] for name in times} == times
    assert len(after) == len(times) + 1
    assert summary(tmp_path / "out")["counts"]["reused_images"] == 3


def test_changed_images_and_changed_options_are_read_again(run, picture, tmp_path):
    rows = good(picture)
    run(rows)
    picture("good0.png", 77, (40, 20))
    studies, _ = run(rows)
    assert read_array(tmp_path / "out" / studies["good0"].images[0]).shape == (1, 40, 20)
    studies, _ = run(rows, max_side=16)
    assert summary(tmp_path / "out")["counts"]["reused_images"] == 0
    assert read_array(tmp_path / "out" / studies["good0"].images[0]).shape == (1, 16, 8)
    assert summary(tmp_path / "out")["counts"]["unused_arrays"] == 4


def test_workers_give_what_one_process_gives(run, picture, tmp_path):
    rows = [*good(picture, 6), {"id": "bad", "image": "no.png", "report": LIVER}]
    alone = run(rows)
    shutil.rmtree(tmp_path / "out")
    assert run(rows, workers=2) == alone


def test_a_split_column_is_respected_and_a_patient_in_two_splits_rejected(run, picture):
    rows = good(picture, 4)
    for row, patient, split in zip(rows, ["a", "a", "b", "c"], ["train", "test", "valid", "train"], strict=True):
        row |= {"patient": patient, "split": split}
    studies, rejected = run(rows)
    assert {study.id: study.split for study in studies.values()} == {"good1": "test", "good2": "val", "good3": "train"}
    assert "patient 'a' is in two splits" in rejected["good0"]


def test_masks_are_kept_in_the_geometry_of_the_images(run, picture, tmp_path):
    rows = good(picture, 3)
    for row in rows:
        row["mask"] = row["image"]
    studies, _ = run(rows)
    study = studies["good0"]
    np.testing.assert_array_equal(
        read_array(tmp_path / "out" / study.masks[0]), read_array(tmp_path / "out" / study.images[0])
    )


def test_images_only_needs_no_reports(tmp_path, picture):
    for number in range(3):
        picture(f"images/{number}.png", number)
    prepare(PrepareOptions(input=tmp_path / "images", output=tmp_path / "out", images_only=True, workers=1))
    studies = read_manifest(tmp_path / "out")
    assert [(study.id, study.report, study.tags) for study in studies] == [(name, "", {}) for name in "012"]


def test_duplicates_of_images_and_reports_are_reported_and_kept(run, picture, tmp_path):
    rows = good(picture, 3)
    shutil.copy(tmp_path / "good0.png", tmp_path / "copy.png")
    rows.append({"id": "copy", "image": str(tmp_path / "copy.png"), "report": "Normal heart."})
    studies, _ = run(rows)
    assert "copy" in studies
    found = summary(tmp_path / "out")["duplicates"]
    assert found["images"]["ids"] == [["good0", "copy"]]
    assert found["reports"]["ids"] == [["good0", "good1", "good2"]]


# Bad input: nothing crashes the run, nothing is silently dropped.


def truncated(path):
    path.write_bytes(path.read_bytes()[:200])
    return path


@pytest.fixture
def bad_image(tmp_path, picture, nifti):
    """Makes an image that is bad in a given way."""

    def make(kind):
        voxels = np.random.default_rng(0).normal(size=(6, 16, 16)).astype(np.float32)
        if kind == "missing":
            return tmp_path / "no.png"
        if kind == "truncated picture":
            return truncated(picture("bad.png", 5, (64, 64)))
        if kind == "truncated volume":
            return truncated(nifti("bad.nii.gz", voxels))
        if kind == "no image at all":
            (tmp_path / "bad.jpg").write_text("404 not found")
            return tmp_path / "bad.jpg"
        if kind == "4D":
            return nifti("bad.nii.gz", np.stack([voxels] * 3), (1.0,) * 4, isVector=False)
        if kind == "constant":
            return nifti("bad.nii.gz", np.ones_like(voxels))
        if kind == "all NaN":
            return nifti("bad.nii.gz", np.full_like(voxels, np.nan))
        if kind == "text instead of a path":
            return tmp_path / ("The liver is normal. " * 30)
        if kind == "a folder without images":
            (tmp_path / "empty").mkdir()
            return tmp_path / "empty"
        raise AssertionError(kind)

    return make


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "the file is missing"),
        ("truncated picture", "the picture cannot be decoded"),
        ("truncated volume", "truncated or damaged"),
        ("no image at all", "not a picture"),
        ("4D", "the image has 4 dimensions (16 x 16 x 6 x 3): split it into 3D images"),
        ("constant", "the image is constant (every voxel is 1)"),
        ("all NaN", "100% of the voxels are NaN or Inf"),
        ("text instead of a path", "the file is missing"),
        ("a folder without images", "no DICOM object in it"),
    ],
)
def test_a_bad_image_is_rejected_with_its_reason_and_the_rest_goes_on(run, picture, bad_image, kind, reason):
    studies, rejected = run([*good(picture), {"id": "bad", "image": str(bad_image(kind)), "report": LIVER}])
    assert set(studies) == {"good0", "good1", "good2"}
    assert list(rejected) == ["bad"]
    assert reason in rejected["bad"]


def test_a_study_keeps_its_good_images(run, picture, tmp_path):
    rows = [*good(picture), {"id": "half", "image": [str(picture("x.png", 8)), "no.png"], "report": LIVER}]
    studies, rejected = run(rows)
    assert len(studies["half"].images) == 1
    assert rejected == {"half": "the file is missing"}


def test_some_nan_voxels_are_repaired_and_flagged(run, nifti, tmp_path):
    rows = []
    for number in range(3):
        voxels = np.random.default_rng(number).normal(size=(4, 8, 8)).astype(np.float32)
        voxels[0, 0, :2] = (np.nan, np.inf)
        rows.append({"id": str(number), "image": str(nifti(f"{number}.nii.gz", voxels)), "report": LIVER})
    studies, _ = run(rows)
    assert "NaN or Inf" in studies["0"].flags[0]
    assert np.isfinite(read_array(tmp_path / "out" / studies["0"].images[0])).all()


def test_a_volume_among_pictures_is_rejected_naming_the_option(run, picture, nifti):
    volume = nifti("v.nii.gz", np.random.default_rng(0).normal(size=(4, 8, 8)).astype(np.float32))
    rows = [*good(picture), {"id": "volume", "image": str(volume), "report": LIVER}]
    studies, rejected = run(rows)
    assert rejected == {"volume": "the image is 3D (4 x 8 x 8); this folder takes 2D ones (--dim)"}
    studies, rejected = run(rows, dim="3")
    assert (list(studies), len(rejected)) == (["volume"], 3)


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ("", "the report is empty"),
        ("  \n ", "the report is empty"),
        (None, "the report is empty"),
        (float("nan"), "the report is empty"),
        ("nan", "the report is empty (written as 'nan')"),
        (17, "the report is only a number ('17')"),
        ("3.14", "the report is only a number ('3.14')"),
        ("???", "the report has no letters"),
    ],
)
def test_a_report_that_says_nothing_is_rejected(run, picture, report, reason):
    rows = [*good(picture), {"id": "bad", "image": str(picture("bad.png", 9)), "report": report}]
    studies, rejected = run(rows)
    assert rejected == {"bad": reason}
    assert "bad" not in studies


@pytest.mark.parametrize(
    ("report", "flag"),
    [
        ("The liver is normal. " * 4762, "report of 100,001 characters"),
        ("Das Herz ist normal groß und die Lunge ist frei, kein Erguss.", "report does not look English (German)"),
        ("Please see the previous note.", "no known tag in the report"),
        ("Status post splenectomy.", "all tags of the report are absent"),
    ],
)
def test_an_odd_report_is_kept_and_flagged(run, picture, report, flag):
    studies, rejected = run([*good(picture), {"id": "odd", "image": str(picture("odd.png", 9)), "report": report}])
    assert flag in studies["odd"].flags
    assert rejected == {}


def test_text_that_is_not_utf8_is_kept_and_flagged(tmp_path, picture):
    rows = b"".join(b"%s,L\xe9sion of the liver\n" % str(picture(f"{k}.png", k)).encode() for k in range(3))
    (tmp_path / "a.csv").write_bytes(b"image,report\n" + rows)
    prepare(PrepareOptions(input=tmp_path / "a.csv", output=tmp_path / "out", workers=1))
    (study, *_) = read_manifest(tmp_path / "out")
    assert study.report == "Lésion of the liver"
    assert "text was not UTF-8: read as Windows-1252" in study.flags
    assert summary(tmp_path / "out")["flags"]["text was not UTF-8: read as Windows-1252"] == 3


def test_duplicated_ids_are_rejected(run, picture):
    rows = good(picture)
    rows += [rows[0], {"id": "good1", "image": str(picture("z.png", 9)), "report": "Normal heart."}]
    studies, rejected = run(rows)
    assert len(studies) == 3
    assert rejected["good0"] == "duplicated id 'good0': pairs.jsonl, line 1 is the same entry"
    assert rejected["good1"] == "duplicated id 'good1': pairs.jsonl, line 2 has it already, with another report"


def test_a_sheared_image_and_a_broken_series_are_rejected_and_a_stray_object_is_named(
    run, nifti, tmp_path, write_series, write_dicom
):
    def row(name, image):
        return {"id": name, "image": str(image), "report": LIVER}

    sheared = nifti("sheared.nii", np.random.default_rng(0).normal(size=(4, 8, 8)).astype(np.float32))
    data = bytearray(sheared.read_bytes())
    data[252:256] = np.array([0, 1], "<i2").tobytes()
    data[280:328] = np.array([[1, 0.4, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], "<f4").tobytes()
    sheared.write_bytes(data)
    gaps = write_series(tmp_path / "gaps", [2.0 * k for k in range(12) if k not in (3, 4, 5, 6)])
    stray = write_series(tmp_path / "stray", [0.0, 2.0, 4.0], series="4.4")
    write_dicom(stray / "stray.dcm", np.eye(9, dtype=np.int16), position="0\\0\\9", series="4.4")
    whole = write_series(tmp_path / "whole", [0.0, 2.0, 4.0, 6.0], series="5.5", patient="P2")
    studies, rejected = run([row("shear", sheared), row("gaps", gaps), row("stray", stray), row("whole", whole)])
    assert set(studies) == {"stray", "whole"}
    assert "non-orthonormal" in rejected["shear"]
    assert "slices are missing" in rejected["gaps"]
    assert "stray object" in rejected["stray"]


def test_nothing_usable_is_one_sentence_and_every_reason_is_in_the_file(run, picture, tmp_path):
    rows = [{"id": str(k), "image": f"no{k}.png", "report": LIVER} for k in range(3)]
    with pytest.raises(
        UserError, match=r"because the file is missing \(3 of 3 rejects\); .*--image-root.*rejects\.csv"
    ):
        run(rows)
    assert len(rejects(tmp_path / "out")) == 3
    with pytest.raises(UserError, match="report is empty"):
        run([{"id": "1", "image": str(picture()), "report": ""}])


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(run, picture, tmp_path, monkeypatch):
    rows = good(picture, 5)
    write, written = blosc2.asarray, []

    def fill_up(*arguments, **keywords):
        if len(written) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(keywords["urlpath"])
        return write(*arguments, **keywords)

    monkeypatch.setattr(blosc2, "asarray", fill_up)
    with pytest.raises(UserError, match=r"No space left on device.*3 of 5 images are done and stay valid; make room"):
        run(rows)
    stored = sorted((tmp_path / "out/images").iterdir())
    assert len(stored) == 3
    assert all(read_array(path).any() for path in stored)
    monkeypatch.undo()
    studies, _ = run(rows)
    assert len(studies) == 5
    assert summary(tmp_path / "out")["counts"]["reused_images"] == 3


def test_a_full_disk_at_the_end_leaves_the_old_manifest(run, picture, tmp_path, monkeypatch):
    rows = good(picture, 5)
    before, _ = run(rows[:3])
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(*_):
        raise full

    monkeypatch.setattr("pretraining.studies.prepare.write_manifest", fail)
    with pytest.raises(UserError, match="No space left on device"):
        run(rows)
    assert {study.id: study for study in read_manifest(tmp_path / "out")} == before


def test_a_kill_in_the_middle_costs_only_the_image_under_way(run, picture, tmp_path, monkeypatch):
    rows = good(picture, 5)
    write, written = blosc2.asarray, []

    def kill(*arguments, **keywords):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(keywords["urlpath"])
        return write(*arguments, **keywords)

    monkeypatch.setattr(blosc2, "asarray", kill)
    with pytest.raises(KeyboardInterrupt):
        run(rows)
    monkeypatch.undo()
    # What a kill -9 leaves behind.
    (tmp_path / "out/images/.123.half.b2nd").touch()
    studies, _ = run(rows)
    assert len(studies) == 5
    assert summary(tmp_path / "out")["counts"]["reused_images"] == 2
    assert not (tmp_path / "out/images/.123.half.b2nd").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"val_fraction": 0.6, "test_fraction": 0.5}, "--val-fraction and --test-fraction"),
        ({"target_spacing": (1.0, 2.0)}, "--target-spacing takes three positive numbers"),
        ({"target_spacing": (0.0,)}, "--target-spacing"),
        ({"max_side": 3}, "--max-side"),
        ({"patient_pattern": "("}, "not a regular expression"),
        ({"patient_pattern": "SC"}, "needs a group"),
        ({"report_column": "nope"}, "has no column 'nope'"),
    ],
)
def test_wrong_options_fail_before_any_work(run, picture, options, complaint, tmp_path):
    with pytest.raises(UserError, match=complaint):
        run(good(picture), **options)
    assert not (tmp_path / "out").exists()

from __future__ import annotations

import json

import pytest

from pretraining.errors import UserError
from pretraining.studies.manifest import Study, read_manifest, write_manifest


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for name in "ab":
        (tmp_path / "images" / f"{name}.b2nd").touch()
    return tmp_path


def study(**changes):
    fields = {
        "id": "1",
        "patient": "p",
        "split": "train",
        "images": ("images/a.b2nd",),
        "report": "Liver\u2028normal.\nSpleen \u00fc.",
        "tags": {"liver": "present"},
        "regions": ("abdomen",),
        "sentences": {"liver": ("Liver normal.",)},
        "modality": "CT",
        "spacings": ((2.0, 1.0, 1.0),),
        "source": "a.csv, row 2",
    }
    return Study(**(fields | changes))


def row(**changes):
    return {"id": "1", "patient": "p", "split": "train", "images": ["images/a.b2nd"]} | changes


def test_what_is_written_is_read(folder):
    studies = [study(), study(id="2", images=("images/b.b2nd",), report="", tags={}, spacings=(), flags=("odd",))]
    studies.append(study(id="3", images=("images/a.b2nd", "images/b.b2nd"), spacings=((2.0, 1.0, 1.0), None)))
    write_manifest(folder, studies)
    assert read_manifest(folder) == studies


def test_fields_that_training_can_do_without_have_defaults(folder):
    (folder / "studies.jsonl").write_text(json.dumps(row()) + "\n\n")
    (read,) = read_manifest(folder)
    assert (read.report, read.tags, read.modality, read.spacings) == ("", {}, "unknown", ())
    assert read.image_spacings == (None,)


def test_an_older_manifest_has_one_spacing_for_all_images(folder):
    images = ["images/a.b2nd", "images/b.b2nd"]
    (folder / "studies.jsonl").write_text(json.dumps(row(images=images, spacing=[2, 1])) + "\n")
    (read,) = read_manifest(folder)
    assert read.spacings == ((2.0, 1.0), (2.0, 1.0))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[1, 2]", "not a JSON object but list"),
        (json.dumps({"id": "1"}), "'patient' is None"),
        (json.dumps(row(id=7)), "'id' is 7, not a text"),
        (json.dumps(row(id="")), "'id' is ''"),
        (json.dumps(row(split="training")), "split is 'training'"),
        (json.dumps(row(images=[])), "images is empty"),
        (json.dumps(row(images="images/a.b2nd")), "not a list of texts"),
        (json.dumps(row(images=["images/c.b2nd"])), "'images/c.b2nd' is missing"),
        (json.dumps(row(images=["../a.b2nd"])), "outside the prepared folder"),
        (json.dumps(row(images=["/etc/passwd"])), "outside the prepared folder"),
        (json.dumps(row(tags={"liver": "maybe"})), "tag 'liver' is 'maybe'"),
        (json.dumps(row(tags=["liver"])), "'tags' is \\['liver'\\], not an object"),
        (json.dumps(row(sentences={"liver": "Liver."})), "'sentences.liver' is 'Liver.'"),
        (json.dumps(row(spacing=[1, -1])), "'spacing' is \\[1, -1\\]"),
        (json.dumps(row(spacing="1x1")), "'spacing'"),
        (json.dumps(row(spacings=[[1, 0]])), "'spacings' is \\[1, 0\\], not a list of positive numbers or null"),
        (json.dumps(row(spacings=2)), "'spacings' is 2, not a list"),
        (json.dumps(row(spacings=[[1, 1], None])), "2 spacings for 1 images"),
        (json.dumps(row(masks=["images/a.b2nd", "images/b.b2nd"])), "2 masks for 1 images"),
    ],
)
def test_nonsense_is_named_with_its_line(folder, line, complaint):
    first = json.dumps(row(id="0"))
    (folder / "studies.jsonl").write_text(f"{first}\n{line}\n")
    with pytest.raises(UserError, match=rf"studies\.jsonl:2: .*{complaint}"):
        read_manifest(folder)


def test_a_duplicated_id_names_both_lines(folder):
    (folder / "studies.jsonl").write_text(f"{json.dumps(row())}\n{json.dumps(row())}\n")
    with pytest.raises(UserError, match=r":2: the id '1' is already on line 1"):
        read_manifest(folder)


def test_a_patient_in_two_splits_is_refused(folder):
    (folder / "studies.jsonl").write_text(f"{json.dumps(row())}\n{json.dumps(row(id='2', split='test'))}\n")
    with pytest.raises(UserError, match="patient 'p' is in 'train' and in 'test'"):
        read_manifest(folder)


def test_a_manifest_that_is_no_text_is_a_users_error(folder):
    (folder / "studies.jsonl").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(UserError, match="not UTF-8"):
        read_manifest(folder)


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_no_manifest_and_an_empty_one_are_users_errors(folder, content):
    if content is not None:
        (folder / "studies.jsonl").write_text(content)
    with pytest.raises(UserError, match=r"not a prepared folder|holds no study"):
        read_manifest(folder)

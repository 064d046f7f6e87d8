from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from pretraining.studies.arrays import write_array
from pretraining.studies.manifest import Study
from pretraining.studies.options import PrepareOptions
from pretraining.studies.page import _card, co_occurrence_shares
from pretraining.studies.prepare import prepare
from pretraining.studies.thumbnails import HEIGHT, thumbnail


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    for number in range(3):
        array = np.random.default_rng(number).integers(0, 255, (24, 32), dtype=np.uint8)
        Image.fromarray(array).save(folder / f"{number}.png")
    rows = (
        '0.png,"The liver <b>is</b> normal. The spleen is normal.",1\n1.png,Status post splenectomy. Normal liver.,2\n'
    )
    (folder / "a.csv").write_text(f"image,report,patient\n{rows}2.png,Normal heart.,3\n9.png,Normal heart.,4\n")
    prepare(PrepareOptions(input=folder / "a.csv", output=folder / "out", workers=1))
    return (folder / "out" / "prepare.html").read_text(encoding="utf-8")


def test_the_page_is_headed_as_containing_patient_text(page):
    heading = page[page.index("<body>") :][:200]
    assert "contains patient text" in heading


def test_the_page_needs_nothing_from_elsewhere(page):
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "<script" not in page


def test_report_text_cannot_become_markup(page):
    assert "The liver &lt;b&gt;is&lt;/b&gt; normal." in page


def test_tags_regions_and_rejects_are_shown(page):
    assert '<span class="chip present">liver</span>' in page
    assert '<span class="chip absent">no spleen</span>' in page
    assert "the file is missing" in page
    assert "<b>3</b>studies" in page


def test_an_image_of_hardly_any_bright_voxel_does_not_cost_the_page(tmp_path):
    voxels = np.zeros((5, 300, 300), np.uint8)
    voxels[2, 151, 151] = 255
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "a.nrrd"))
    prepare(PrepareOptions(input=tmp_path, output=tmp_path / "out", images_only=True, workers=1))
    assert 'alt="Intensities"' not in (tmp_path / "out" / "prepare.html").read_text(encoding="utf-8")


def decoded(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def test_a_volume_is_shown_from_above_and_from_the_front_in_its_proportions(tmp_path):
    array = np.zeros((1, 10, 40, 20), np.int16)
    array[0, -1] = 1000
    write_array(tmp_path / "a.b2nd", array, {})
    picture = decoded(thumbnail(tmp_path / "a.b2nd", "MR", (4.0, 1.0, 1.0)))
    axial, coronal = HEIGHT // 2, HEIGHT // 2
    assert picture.size == (axial + coronal + 4, HEIGHT)
    pixels = np.asarray(picture.convert("L"))
    # The last slice is the patient's top: bright above, dark below.
    assert pixels[5, axial + 20] > 200
    assert pixels[-5, axial + 20] < 50


def test_every_image_of_a_study_is_shown_in_its_own_proportions(tmp_path):
    for name in "ab":
        write_array(tmp_path / f"{name}.b2nd", np.arange(100, dtype=np.uint8).reshape(1, 10, 10), {})
    study = Study(
        id="1", patient="p", split="train", images=("a.b2nd", "b.b2nd"), spacings=((1.0, 1.0), (1.0, 2.0)), report=""
    )
    card = _card(tmp_path, study)
    assert "1 x 1 mm, 1 x 2 mm" in card
    assert [decoded(uri).size for uri in re.findall(r'src="([^"]+)', card)] == [(HEIGHT, HEIGHT), (2 * HEIGHT, HEIGHT)]


def test_labels_tint_the_picture(tmp_path):
    write_array(tmp_path / "a.b2nd", np.tile(np.arange(64, dtype=np.uint8), (1, 64, 1)), {})
    mask = np.zeros((1, 64, 64), np.uint8)
    mask[0, :32] = 1
    write_array(tmp_path / "m.b2nd", mask, {})
    colours = np.asarray(decoded(thumbnail(tmp_path / "a.b2nd", "XR", None, tmp_path / "m.b2nd"))).astype(int)
    redness = colours[..., 0] - colours[..., 2]
    assert redness[20, 100] > 30
    assert abs(redness[-20, 100]) < 10


def test_co_occurrence_is_a_share_of_the_rows_studies():
    studies = [
        Study(id=str(k), patient="p", split="train", images=("i",), tags=tags)
        for k, tags in enumerate([{"a": "present", "b": "present"}, {"a": "present"}, {"a": "absent", "b": "present"}])
    ]
    np.testing.assert_allclose(co_occurrence_shares(studies, ["a", "b", "c"]), [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 0]])

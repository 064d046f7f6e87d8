import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from pretraining.cli.main import main
from pretraining.errors import UserError
from pretraining.maps.zero_shot import embed_free_texts, prompt_templates
from pretraining.tags.vocabulary import load_vocabulary
from pretraining.training.export import exported_text_encoder


@pytest.fixture(scope="module")
def encoder(finished_run, bundle):
    return exported_text_encoder(finished_run, bundle.info.text_encoder["hash"])


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(np.arange(48 * 40, dtype=np.uint8).reshape(48, 40)).save(tmp_path / "x.png")
    return tmp_path / "x.png"


def test_a_tags_own_name_is_embedded_as_the_tag_is(bundle, encoder):
    found = embed_free_texts(bundle, ["liver", "left kidney", "adrenal mass"], encoder, "the run")
    for number, tag in enumerate(("liver", "kidney_left")):
        assert torch.allclose(found.embeddings[number], bundle.tag_embeddings[bundle.tag_ids.index(tag)], atol=1e-4)
        assert found.nearest[number][0] == (tag, pytest.approx(1, abs=1e-4))
    for embedding, nearest in zip(found.embeddings, found.nearest, strict=True):
        cosines = (bundle.tag_embeddings @ embedding).numpy()
        assert [tag for tag, _ in nearest] == [bundle.tag_ids[row] for row in np.argsort(-cosines)[:3]]


def test_templates_are_what_most_tags_are_prompted_with():
    assert "{name}" in prompt_templates(load_vocabulary())
    assert all(template.count("{name}") == 1 for template in prompt_templates(load_vocabulary()))


def test_another_text_encoder_is_one_sentence(bundle, encoder):
    other = replace(bundle, info=replace(bundle.info, text_encoder={"id": "x", "hash": "y"}))
    with pytest.raises(UserError, match=r"here does not hold the text encoder of the bundle .* give --run the folder"):
        embed_free_texts(other, ["liver"], encoder, "here")


def test_a_bundle_whose_tags_do_not_come_from_texts_is_one_sentence(bundle, encoder):
    tensors = {name: tensor for name, tensor in bundle.tensors.items() if not name.startswith("tag_projection")}
    with pytest.raises(UserError, match="its tag embeddings are random"):
        embed_free_texts(replace(bundle, tensors=tensors), ["liver"], encoder, "here")


@pytest.mark.parametrize("source", ["--run", "--text-encoder"])
def test_texts_are_mapped_beside_tags(bundle, encoder, finished_run, picture, tmp_path, source):
    folder = finished_run
    if source == "--text-encoder":
        folder = tmp_path / "encoder"
        encoder.transformer.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)
    words = ["maps", "--bundle", str(bundle.path), "--input", str(picture), "--output", str(tmp_path / "maps")]
    assert (
        main([*words, "--tags", "liver,pharynx", "--text", "liver, adrenal mass, adrenal-mass", source, str(folder)])
        == 0
    )
    with (tmp_path / "maps" / "maps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["tag"], row["kind"], row["file"]) for row in rows] == [
        ("liver", "trained", "x/liver.nii.gz"),
        ("pharynx", "untrained", "x/pharynx.nii.gz"),
        ("liver", "zero-shot", "x/text_liver.nii.gz"),
        ("adrenal mass", "zero-shot", "x/text_adrenal_mass.nii.gz"),
        ("adrenal-mass", "zero-shot", "x/text_adrenal_mass_2.nii.gz"),
    ]
    assert rows[2]["nearest"].startswith("liver 1.00; ")
    assert rows[0]["nearest"] == ""
    assert rows[2]["probability"] == rows[0]["probability"]

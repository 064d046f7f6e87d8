"""The packaged vocabulary is sound and complete, and a file of the user's extends or replaces it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pretraining.errors import UserError
from pretraining.tags.check import check_vocabulary
from pretraining.tags.miner import TagMiner
from pretraining.tags.vocabulary import REGIONS, RegionTerms, Tag, Vocabulary, load_vocabulary


def words(text: str) -> list[str]:
    return text.split()


# Issue ids, and every class of TotalSegmentator v2 (CT and MR).
REQUIRED = words(
    """
    liver spleen kidney kidney_left kidney_right pancreas gallbladder stomach duodenum small_bowel colon
    appendix rectum esophagus adrenal_gland adrenal_gland_left adrenal_gland_right aorta inferior_vena_cava
    portal_vein splenic_vein portal_vein_and_splenic_vein urinary_bladder ureter prostate uterus ovary heart
    lung trachea thyroid_gland breast brain cerebellum brainstem spinal_cord vertebrae ribs sternum clavicula
    scapula humerus hip femur sacrum mandible skull eye parotid_gland larynx lymph_node pleura pulmonary_artery
    bile_duct mesentery lung_upper_lobe_left lung_lower_lobe_left lung_upper_lobe_right lung_middle_lobe_right
    lung_lower_lobe_right kidney_cyst_left kidney_cyst_right pulmonary_vein brachiocephalic_trunk
    subclavian_artery_right subclavian_artery_left common_carotid_artery_right common_carotid_artery_left
    brachiocephalic_vein_left brachiocephalic_vein_right atrial_appendage_left superior_vena_cava
    iliac_artery_left iliac_artery_right iliac_vena_left iliac_vena_right humerus_left humerus_right
    scapula_left scapula_right clavicula_left clavicula_right femur_left femur_right hip_left hip_right
    gluteus_maximus_left gluteus_maximus_right gluteus_medius_left gluteus_medius_right gluteus_minimus_left
    gluteus_minimus_right autochthon_left autochthon_right iliopsoas_left iliopsoas_right costal_cartilages
    lung_left lung_right intervertebral_discs heart_myocardium heart_atrium_left heart_ventricle_left
    heart_atrium_right heart_ventricle_right hippocampus_anterior hippocampus_posterior brain_tumor
    brain_tumor_enhancing brain_tumor_edema brain_tumor_necrotic_core parotid_gland_left parotid_gland_right
    vertebrae_S1
    """
)
REQUIRED += [f"vertebrae_C{n}" for n in range(1, 8)] + [f"vertebrae_T{n}" for n in range(1, 13)]
REQUIRED += [f"vertebrae_L{n}" for n in range(1, 6)]
REQUIRED += [f"rib_{side}_{n}" for side in ("left", "right") for n in range(1, 13)]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def test_every_required_organ_is_a_tag(vocabulary):
    assert [tag for tag in REQUIRED if tag not in vocabulary] == []


def test_the_packaged_vocabulary_is_sound(vocabulary):
    assert check_vocabulary(vocabulary) == []


def test_every_tag_has_prompts_regions_and_known_parents(vocabulary):
    for tag in vocabulary:
        assert len(tag.prompts) > 1, tag.id
        assert tag.regions and set(tag.regions) <= set(REGIONS), tag.id
        assert all(parent in vocabulary for parent in tag.parents), tag.id


def test_a_side_lies_below_its_pair(vocabulary):
    assert vocabulary.children("kidney") == ("kidney_left", "kidney_right", "kidney_cyst", "kidney_tumor")
    assert vocabulary["kidney_left"].laterality == "left"
    assert vocabulary.ancestors("lung_lower_lobe_right") == ("lung_lower_lobe", "lung_right", "lung")
    assert {"portal_vein", "splenic_vein"} == set(vocabulary.children("portal_vein_and_splenic_vein"))


def test_adjacent_regions_touch_both_ways(vocabulary):
    for region, neighbours in vocabulary.adjacent_regions.items():
        assert region not in neighbours
        assert all(region in vocabulary.adjacent_regions[other] for other in neighbours)


def test_a_vocabulary_survives_json(vocabulary):
    copy = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert copy.tags == vocabulary.tags
    assert copy.hash == vocabulary.hash
    report = "Status post right nephrectomy. No liver lesion."
    assert TagMiner(copy).mine(report) == TagMiner(vocabulary).mine(report)


def test_another_word_makes_another_hash(vocabulary):
    content = vocabulary.to_dict()
    content["tags"][0]["names"].append("jecur")
    assert Vocabulary.from_dict(content).hash != vocabulary.hash


LABELS = {
    # BTCV
    "spleen": "spleen",
    "right kidney": "kidney_right",
    "left kidney": "kidney_left",
    "gallbladder": "gallbladder",
    "esophagus": "esophagus",
    "inferior vena cava": "inferior_vena_cava",
    "portal vein and splenic vein": "portal_vein_and_splenic_vein",
    "right adrenal gland": "adrenal_gland_right",
    # AMOS
    "postcava": "inferior_vena_cava",
    "bladder": "urinary_bladder",
    "prostate/uterus": "prostate_or_uterus",
    "gall bladder": "gallbladder",
    "arota": "aorta",  # the misprint is in the dataset.json that AMOS distributes
    # MM-WHS
    "LV blood cavity": "heart_ventricle_left",
    "left ventricle blood cavity": "heart_ventricle_left",
    "right atrium blood cavity": "heart_atrium_right",
    "myocardium of the left ventricle": "heart_myocardium",
    "ascending aorta": "aorta",
    "pulmonary artery": "pulmonary_artery",
    # BraTS
    "whole tumor": "brain_tumor",
    "tumor core": "brain_tumor_core",
    "enhancing tumor": "brain_tumor_enhancing",
    "edema": "brain_tumor_edema",
    "peritumoral edematous/invaded tissue": "brain_tumor_edema",
    "necrotic and non-enhancing tumor core": "brain_tumor_necrotic_core",
    # MSD hippocampus, OpenKBP, Sunnybrook
    "Anterior": "hippocampus_anterior",
    "Posterior": "hippocampus_posterior",
    "brainstem": "brainstem",
    "spinal cord": "spinal_cord",
    "right parotid": "parotid_gland_right",
    "Parotid_L": "parotid_gland_left",
    "oesophagus": "esophagus",
    "left_ventricle": "heart_ventricle_left",
    # ways of writing
    "RightKidney": "kidney_right",
    "KIDNEY_LEFT": "kidney_left",
    "Kidney (right)": "kidney_right",
    "L kidney": "kidney_left",
    "lungs": "lung",
    "Right Lung Upper Lobe": "lung_upper_lobe_right",
    "rib_left_3": "rib_left_3",
    "left rib 3": "rib_left_3",
    # nothing certain
    "background": None,
    "tumor": None,
    "cancer": None,
    "cyst": None,
    "veins": None,
    "": None,
    "left and right kidney": None,
    "left liver": None,
    "head of pancreas": None,
    "label_1": None,
}


@pytest.mark.parametrize(("name", "tag"), LABELS.items())
def test_label_names_resolve_when_certain(vocabulary, name, tag):
    assert vocabulary.resolve_label(name) == tag


def test_every_tag_id_is_a_label_name(vocabulary):
    assert [tag for tag in vocabulary.ids if vocabulary.resolve_label(tag) != tag] == []


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_extends_the_packaged_vocabulary(tmp_path, vocabulary):
    path = write(
        tmp_path / "mine.yaml",
        "extends: en\ntags:\n- {id: plica, names: [plica], sides: true, regions: [lower_limb]}\n"
        "- {id: spleen, names: [spleen, milt], regions: [abdomen]}\n",
    )
    extended = load_vocabulary(path)
    assert set(extended.ids) - set(vocabulary.ids) == {"plica", "plica_left", "plica_right"}
    assert extended.ids[: len(vocabulary)] == vocabulary.ids
    tags = TagMiner(extended).mine("Thickened left plica. The milt is normal.").tags
    assert tags == {"spleen": "present", "plica": "present", "plica_left": "present"}


def test_a_file_replaces_the_packaged_vocabulary(tmp_path):
    path = write(tmp_path / "mine.yaml", "tags:\n- {id: milt, names: [milt], regions: [abdomen]}\n")
    assert load_vocabulary(path).ids == ("milt",)
    assert TagMiner(load_vocabulary(path)).mine("The milt and the liver.").tags == {"milt": "present"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tags: 3", "needs a mapping with a list named 'tags'"),
        ("tags: [", "is not valid YAML"),
        ("extends: fr\ntags: []", "the packaged vocabulary to extend is 'en'"),
        ("tags:\n- names: [liver]", "tag number 1 has no 'id'"),
        ("tags:\n- {id: a, names: [a], colour: red}", "tag 'a': unknown field 'colour'"),
        ("tags:\n- {id: a, names: liver}", "tag 'a': 'names' must be a list of words"),
        ("tags:\n- {id: a, names: []}", "tag 'a': 'names' is empty"),
        ("tags:\n- {id: a, names: [a], regions: [belly]}", "tag 'a': unknown region 'belly'"),
        ("tags:\n- {id: a, names: [a], kind: thing}", "tag 'a': 'kind' is 'thing'"),
        ("tags:\n- {id: a, names: [a], numbers: [0]}", "'numbers' must be a list of numbers from 1 to 12"),
        ("tags:\n- {id: a, names: ['-']}", "tag 'a': '-' in 'names' has no letter or digit"),
        ("tags:\n- {id: a, names: [a], exclude: ['-']}", "tag 'a': '-' in 'exclude' has no letter or digit"),
        ("tags:\n- {id: a, names: [a], sides: [left]}", "'sides' is .* it must be true, false, or the sides' ids"),
        ("tags:\n- {id: a, names: [a], codes: {SCT: {x: y}}}", "the code 'SCT' must be one code"),
        ("tags: []\nshared_term: [a]", "unknown field 'shared_term'; known are extends"),
        ("tags: []\nshared_terms: aorta", "'shared_terms' must be a list of words"),
        ("tags: []\nprompt_templates: a photo", "'prompt_templates' must be a list of words"),
        ("tags: []\nregions: [chest]", "'regions' must map each region to its words"),
        ("tags: []\nregions: {chest: [thorax]}", "'regions' must map each region to its words"),
        ("tags: []\nregions: {chest: {terms: thorax}}", "region 'chest': 'terms' must be a list of words"),
        ("tags: []\nregions: {belly: {terms: [belly]}}", "unknown region 'belly'; known are head"),
    ],
)
def test_a_slip_in_the_file_is_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        load_vocabulary(write(tmp_path / "mine.yaml", text))


def test_a_missing_file_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        load_vocabulary(tmp_path / "none.yaml")


def checked(*tags: Tag, regions: dict[str, RegionTerms] | None = None, shared: tuple[str, ...] = ()) -> list[str]:
    return check_vocabulary(Vocabulary(tags, regions or {}, shared))


def test_the_checker_finds_slips():
    liver = Tag("liver", ("liver",), regions=("abdomen",))
    assert checked(liver) == []
    assert "defined 2 times" in checked(liver, liver)[0]
    other = Tag("jecur", ("liver",), regions=("abdomen",))
    assert "belongs to the tags 'liver', 'jecur'" in checked(liver, other)[0]
    assert checked(liver, other, shared=("liver",)) == []
    assert "shared by no two tags" in checked(liver, shared=("spleen",))[0]
    assert "has no body region" in checked(Tag("a", ("aorta",)))[0]
    assert "parent 'b' is not a tag" in checked(Tag("a", ("aorta",), parents=("b",), regions=("chest",)))[0]
    circle = (
        Tag("a", ("aorta",), parents=("b",), regions=("chest",)),
        Tag("b", ("bone",), parents=("a",), regions=("chest",)),
    )
    assert sum("lead back to itself" in problem for problem in checked(*circle)) == 2
    assert "has no letters or digits" in checked(Tag("a", ("aorta", "--"), regions=("chest",)))[0]
    excluded = Tag("a", ("aorta",), exclude=("aorta",), regions=("chest",))
    assert "both a term and excluded" in checked(excluded)[0]
    one_way = {"chest": RegionTerms((), ("neck",)), "neck": RegionTerms((), ())}
    assert "not the other way round" in checked(liver, regions=one_way)[0]


def test_the_checker_finds_a_term_that_cannot_be_found():
    split = Tag("a", ("aorta", "aorta, thoracic"), regions=("chest",))
    assert "'aorta, thoracic' can never be found" in checked(split)[0]
    assert TagMiner(Vocabulary([split], {})).mine("The aorta, thoracic.").evidence[0].text == "aorta"

import pytest

from nnunetv2_mosmos.selftraining.agreement import ReportCheck, Said, regions_of
from pretraining.errors import UserError
from pretraining.studies.manifest import Study
from pretraining.tags.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()
LABELS = {"Liver": "liver", "right kidney": "kidney_right", "aorta": "aorta", "implant": None}


def study(regions=("abdomen",), **tags):
    return Study(id="a", patient="p", split="train", images=("images/a.b2nd",), tags=tags, regions=regions)


@pytest.mark.parametrize(
    ("tags", "regions"),
    [
        (("liver", "aorta"), ("abdomen",)),
        (("brain_tumor",), ("head",)),
        # Of AMOS: nothing is in all of them, and each has organs that the others lack.
        (("liver", "prostate", "aorta"), ("abdomen", "pelvis")),
        ((), ()),
    ],
)
def test_regions_are_those_that_all_labels_share_or_that_some_have_alone(tags, regions):
    assert regions_of(tags, VOCABULARY) == regions


def test_a_report_of_another_region_is_refused():
    check = ReportCheck(LABELS, VOCABULARY)
    assert check.refusal(study()) is None
    assert check.refusal(study(("chest", "abdomen"))) is None
    assert check.refusal(study(("chest",))) == "its report covers chest, the labels lie in abdomen"
    assert check.refusal(study(())) == "its report tells no body region, the labels lie in abdomen"
    assert ReportCheck(LABELS, VOCABULARY, ("chest",)).refusal(study(("chest",))) is None
    assert ReportCheck(LABELS, VOCABULARY, check="nothing").refusal(study(("chest",))) is None


def test_a_report_says_what_it_names_denies_or_cannot_show():
    check = ReportCheck({**LABELS, "brain": "brain"}, VOCABULARY)
    said = check.said(study(liver="present", kidney_right="absent"))
    # The aorta is not mentioned; a report of the abdomen shows no brain.
    assert said == Said(present=frozenset({"Liver"}), absent=frozenset({"right kidney", "brain"}))
    for less in ("regions", "nothing"):
        assert ReportCheck(LABELS, VOCABULARY, check=less).said(study(liver="present")) == Said()


def test_silence_on_a_lesion_counts_where_it_would_be_mentioned():
    labels = {**LABELS, "tumor": "liver_tumor", "brain tumor": "brain_tumor"}
    check, report = (ReportCheck(labels, VOCABULARY, check=name) for name in ("findings", "report"))
    silent = study(aorta="present")
    assert report.said(silent) == Said(present=frozenset({"aorta"}), absent=frozenset({"brain tumor"}))
    # The liver is not mentioned either, and may be there.
    assert check.said(silent) == Said(present=frozenset({"aorta"}), absent=frozenset({"tumor", "brain tumor"}))
    assert check.said(study(liver_tumor="present")).present == {"tumor"}
    # A report of the chest may leave out what is in the liver.
    assert "tumor" not in check.said(study(("chest",))).absent


def test_a_report_that_names_a_lesion_may_be_silent_on_its_parts():
    labels = {name: f"brain_{name}" for name in ("tumor", "tumor_core", "tumor_enhancing")}
    check = ReportCheck(labels, VOCABULARY, check="findings")
    assert check.said(study(("head",), brain_tumor="present")) == Said(present=frozenset({"tumor"}))
    assert check.said(study(("head",))).absent == labels.keys()


def test_a_segmentation_lacks_no_more_named_labels_than_tolerated():
    said = Said(present=frozenset({"Liver", "aorta"}))
    strict, lenient = (ReportCheck(LABELS, VOCABULARY, tolerated=tolerated) for tolerated in (0, 1))
    assert strict.disagreement(said, {"aorta", "Liver", "implant"}) is None
    assert strict.disagreement(said, {"aorta"}) == "its report names Liver, which the network does not find"
    assert lenient.disagreement(said, {"aorta"}) is None
    assert lenient.disagreement(said, ()) == "its report names Liver, aorta, which the network does not find"


def test_labels_without_tags_and_unknown_regions_are_refused():
    with pytest.raises(UserError, match="none of the labels implant has a tag"):
        ReportCheck({"implant": None}, VOCABULARY)
    with pytest.raises(UserError, match="--regions tummy: the vocabulary knows abdomen, "):
        ReportCheck(LABELS, VOCABULARY, ("tummy",))

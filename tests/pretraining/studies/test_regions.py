import pytest

from pretraining.studies.regions import region_ids


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("ABD", ("abdomen",)),
        ("CHEST", ("chest",)),
        ("HEAD", ("head",)),
        ("CHESTABDPELVIS", ("chest", "abdomen", "pelvis")),
        ("HEADNECK", ("head", "neck")),
        ("head and neck", ("head", "neck")),
        ("LSPINE", ("spine",)),
        ("brain (hippocampus)", ("head",)),
        ("Hip", ("pelvis",)),
        ("left knee", ("lower_limb",)),
        ("forearm", ("upper_limb",)),
        ("upper_limb", ("upper_limb",)),
        ("", ()),
        ("whatever", ()),
    ],
)
def test_written_body_parts(text, regions):
    assert region_ids(text) == regions

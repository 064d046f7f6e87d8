"""What comes with the states: spans that are in the report, regions, sentences about an organ, and determinism."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pretraining.tags.miner import MinedReport, TagMiner

REPORT = """EXAM: CT ABDOMEN
HISTORY: Renal stones. Status post cholecystectomy.
TECHNIQUE: CT of the chest and abdomen.
FINDINGS: The liver is enlarged; the spleen is not seen. Both kidneys are normal.
No focal hepatic lesion.
"""


@pytest.fixture(scope="module")
def miner() -> TagMiner:
    return TagMiner()


def test_sentences_are_the_reports_own_and_speak_of_the_organ(miner):
    sentences = miner.mine(REPORT).sentences
    assert sentences["liver"] == ("The liver is enlarged", "No focal hepatic lesion.")
    assert sentences["spleen"] == ("the spleen is not seen.",)
    assert sentences["kidney"] == sentences["kidney_left"] == ("Both kidneys are normal.",)


def test_a_whole_has_the_sentences_of_its_parts(miner):
    mined = miner.mine("Right lower lobe nodule. The left lung is clear.")
    assert mined.sentences["lung"] == ("Right lower lobe nodule.", "The left lung is clear.")
    assert mined.sentences["lung_left"] == ("The left lung is clear.",)
    assert mined.sentences["lung_right"] == ("Right lower lobe nodule.",)


def test_a_question_and_its_answer_are_one_sentence(miner):
    mined = miner.mine("Is the liver enlarged? Yes. Where is the mass? In the spleen.")
    assert mined.sentences["liver"] == ("Is the liver enlarged? Yes.",)
    assert mined.sentences["spleen"] == ("Where is the mass? In the spleen.",)


def test_evidence_names_span_and_rule(miner):
    mined = miner.mine("The spleen is surgically absent. Hepatomegaly.")
    found = {entry.tag: (entry.state, entry.text, entry.rule) for entry in mined.evidence}
    assert found["spleen"] == ("absent", "spleen", "absent-after")
    assert found["liver"] == ("present", "Hepatomegaly", "disease")


def test_evidence_of_a_whole_names_its_part(miner):
    mined = miner.mine("The cerebellum is normal.")
    assert {entry.tag: entry.rule for entry in mined.evidence} == {"cerebellum": "name", "brain": "from cerebellum"}


@pytest.mark.parametrize(
    ("report", "regions"),
    [
        (REPORT, ("chest", "abdomen")),
        ("Chest radiograph.", ("chest",)),
        ("CT of the neck, chest, abdomen and pelvis.", ("neck", "chest", "abdomen", "pelvis")),
        ("The liver is normal.", ("abdomen",)),
        ("The aorta is calcified.", ("chest", "abdomen")),
        ("The abdominal aorta is calcified. Normal liver.", ("abdomen",)),
        ("COMPARISON: chest CT. FINDINGS: Normal liver.", ("abdomen",)),
        ("HISTORY: abdominal pain. FINDINGS: Normal brain.", ("head",)),
        ("Mass in the head of the pancreas.", ("abdomen",)),
        ("The pelvis was not imaged. Normal liver.", ("abdomen",)),
        ("Recommend MRI of the pelvis. Normal liver.", ("abdomen",)),
        # Whatever the order, an organ of several regions is where an organ of fewer is.
        ("L4-L5 disc bulge. Vertebral body heights are maintained.", ("abdomen", "spine")),
        ("Vertebral body heights are maintained. L4-L5 disc bulge.", ("abdomen", "spine")),
        ("Compared to the prior MRI of the pelvis, the liver is normal.", ("abdomen",)),
        ("Nothing to see.", ()),
    ],
)
def test_regions_covered(miner, report, regions):
    assert miner.mine(report).regions == regions


def test_what_a_patient_has_counts_only_where_the_image_is(miner):
    elsewhere = miner.mine("Brain MRI in a patient with lung cancer shows an enhancing lesion.")
    assert "lung" not in elsewhere.tags
    assert miner.mine("Chest CT in a patient with lung cancer.").tags["lung"] == "present"


@pytest.mark.parametrize(
    "report", ["", " ", "\n\n\n", ".", "?", ";:,.", "\x00", "123 456", "Ça va?", "肝臓は正常", "İSTANBUL"]
)
def test_a_report_that_says_nothing(miner, report):
    assert miner.mine(report) == MinedReport({}, (), {}, ())


def test_layout_does_not_matter(miner):
    plain = miner.mine("The right kidney is absent. The liver is normal.").tags
    assert miner.mine("- The right\n  kidney is absent.\n- The liver\r\n  is normal.").tags == plain
    assert miner.mine("THE RIGHT KIDNEY IS ABSENT. THE LIVER IS NORMAL.").tags == plain
    assert miner.mine("The right  kidney is absent.The liver is normal.").tags == plain


def test_mining_is_deterministic_and_remembers_nothing(miner):
    before = miner.mine(REPORT)
    for other in ("Right kidney absent.", "Left. Right. Both.", "Is it? No."):
        miner.mine(other)
    assert miner.mine(REPORT) == before == TagMiner().mine(REPORT)


def test_spans_stay_right_where_lower_case_changes_length(miner):
    report = "İİİ The liver is normal."
    entry = miner.mine(report).evidence[0]
    assert report[slice(*entry.span)] == entry.text == "liver"


def test_without_explanation_the_states_are_the_same(miner):
    full, bare = miner.mine(REPORT), miner.mine(REPORT, explain=False)
    assert (bare.tags, bare.regions) == (full.tags, full.regions)
    assert (bare.sentences, bare.evidence) == ({}, ())


def test_mining_needs_no_torch(checkout):
    code = "import sys, pretraining.tags.miner; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=checkout).returncode == 0


WORDS = st.sampled_from(
    [
        "left",
        "right",
        "both",
        "liver",
        "spleen",
        "kidney",
        "kidneys",
        "absent",
        "no",
        "not",
        "seen",
        "removed",
        "and",
        "or",
        ",",
        ".",
        ";",
        ":",
        "?",
        "(",
        ")",
        "-",
        "/",
        "of",
        "the",
        "in",
        "is",
        "are\n",
        "status",
        "post",
        "nephrectomy",
        "history",
        "mother",
        "shows",
        "L4",
        "5",
        "T12",
        "to",
        "upper",
        "lobe",
        "lobes",
        "and/or",
        "two",
        "2",
        "yes.",
        "No.",
        "FINDINGS:",
        "HISTORY:\n",
        "portal",
        "vein",
        "metastases",
        "from",
        "breast",
        "cancer",
        "recommend",
        "ultrasound",
        "empty",
        "gallbladder",
        "fossa",
        "head",
        "pelvis",
        "\n",
        "\n\n",
    ]
)  # fmt: skip
REPORTS = st.one_of(st.text(), st.lists(WORDS, max_size=60).map(" ".join), st.lists(WORDS, max_size=60).map("".join))


@settings(max_examples=150, deadline=None)
@given(REPORTS)
@example("\ud800 liver")
@example("a." * 50)
def test_any_text_is_mined_consistently(report):
    miner = any_text_miner()
    mined = miner.mine(report)
    vocabulary = miner.vocabulary
    assert list(mined.tags) == [tag for tag in vocabulary.ids if tag in mined.tags]
    for entry in mined.evidence:
        assert report[slice(*entry.span)] == entry.text != ""
        assert mined.tags[entry.tag] == entry.state
    assert {entry.tag for entry in mined.evidence} == set(mined.tags) == set(mined.sentences)
    for tag, sentences in mined.sentences.items():
        assert sentences and all(sentence in report for sentence in sentences), tag
    for tag, state in mined.tags.items():
        if state == "absent":
            assert all(mined.tags[child] == "absent" for child in vocabulary.children(tag))
        elif vocabulary[tag].kind == "organ":
            assert all(mined.tags[parent] == "present" for parent in vocabulary.parents(tag))


_MINER: list[TagMiner] = []


def any_text_miner() -> TagMiner:
    """Hypothesis runs one test function many times: one miner serves all of them."""
    if not _MINER:
        _MINER.append(TagMiner())
    return _MINER[0]


HARD = {
    "words": "the liver and left kidney are normal ",
    "sides": "left right ",
    "organs": "kidney, ",
    "sentences": "No spleen. ",
    "abbreviations": "e.g. ",
    "dots": ".",
    "spaces": " ",
    "newlines": "\n",
    "capitals": "AAAA ",
    "capital run": "A",
    "colons": "a:",
    "questions": "Is the liver there? ",
    "negations": "no ",
    "absent": "absent and ",
    "links": "kidney and ",
    "triggers": "kidney is absent and not seen ",
    "series": "L1-5 ",
    "letters": "l",
    "history": "history of breast cancer ",
    "metastases": "metastases from ",
    "recommend": "recommend ",
    "lesions": "lesion, ",
    "resolved": "mass resolved ",
    "ribs": "3rd to 6th ribs ",
}


@pytest.mark.parametrize("piece", HARD.values(), ids=HARD.keys())
def test_time_grows_with_length_and_no_faster(miner, piece):
    def cost(characters: int) -> float:
        # An organ first: without one, nothing is read.
        report = "liver " + piece * (characters // len(piece))
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            miner.mine(report)
            best = min(best, time.process_time() - start)
        return best

    short, long = cost(2_000), cost(16_000)
    # Eight times the text: linear is about 8, quadratic is 64.
    assert long < 24 * short + 0.02

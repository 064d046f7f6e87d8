import re
from dataclasses import replace

import numpy as np
import pytest

from pretraining.phantom.organs import ORGANS
from pretraining.phantom.reports.describe import Describer
from pretraining.phantom.reports.report import Reporting, stated_tags, write_report
from pretraining.phantom.reports.statement import Statement
from pretraining.phantom.streams import Stream
from pretraining.phantom.study import draw_study
from pretraining.tags.miner import TagMiner


@pytest.fixture(scope="module")
def studies(population):
    stream = Stream(11, "train")
    return [draw_study(stream.patient(n, population.habits), stream.study(n), population) for n in range(60)]


@pytest.fixture(scope="module")
def reports(studies, vocabulary):
    rng = np.random.default_rng(0)
    return [write_report(study, Reporting(outside=0.1), rng, vocabulary) for study in studies]


def test_reports_say_nothing_that_is_not_so(studies, reports, vocabulary):
    for study, report in zip(studies, reports, strict=True):
        # A brainstem is part of the brain.
        visible = {tag for organ in study.visible_organs for tag in (organ, *vocabulary.ancestors(organ))}
        for organ in ORGANS:
            state = report.tags.get(organ)
            if state == "present":
                assert organ in visible
            elif state == "absent":
                assert organ not in study.visible_organs
        hurt = {(lesion.organ, lesion.kind) for lesion in study.visible_lesions} | {
            (kind, kind.removesuffix("_left").removesuffix("_right")) for kind in study.visible_effusions
        }
        assert set(report.lesions) <= hurt


def test_reports_leave_out_part_of_what_is_visible(studies, reports):
    visible = sum(len(study.visible_organs) for study in studies)
    stated = sum(
        report.tags.get(organ) == "present"
        for s, report in zip(studies, reports, strict=True)
        for organ in s.visible_organs
    )
    assert 0.15 < stated / visible < 0.85


def test_every_style_has_its_shape(studies, vocabulary):
    rng = np.random.default_rng(1)
    for study in studies[:10]:
        texts = {
            style: write_report(study, Reporting(styles=(style,)), rng, vocabulary).text
            for style in ("caption", "structured", "dictated")
        }
        assert "\n" not in texts["caption"]
        assert re.search(r"^FINDINGS:$", texts["structured"], re.MULTILINE)
        assert re.search(r"^IMPRESSION: ", texts["structured"], re.MULTILINE)
        assert re.search(r"^Findings: ", texts["dictated"], re.MULTILINE)
        for text in texts.values():
            assert "{" not in text
            assert ".." not in text


def test_removals_are_told_when_their_region_is_covered(population, vocabulary):
    habits = replace(population.habits, never_formed={"spleen": 1.0})
    protocol = replace(population.protocol, regions=("abdomen",))
    whole = replace(population, habits=habits, protocol=protocol)
    stream = Stream(3, "train")
    study = draw_study(stream.patient(0, habits), stream.study(0), whole)
    report = write_report(study, Reporting(absent=1.0, styles=("dictated",)), np.random.default_rng(0), vocabulary)
    assert report.tags["spleen"] == "absent"
    assert re.search(r"spleen|splenic", report.text, re.IGNORECASE)


def test_gold_tags_follow_the_hierarchy(vocabulary):
    both = [Statement("", "", present=("kidney_left",)), Statement("", "", absent=("kidney_right",))]
    assert stated_tags(both, vocabulary) == {"kidney": "present", "kidney_left": "present", "kidney_right": "absent"}
    none = [Statement("", "", absent=("kidney_left",)), Statement("", "", absent=("kidney_right",))]
    assert stated_tags(none, vocabulary)["kidney"] == "absent"
    one = [Statement("", "", absent=("kidney_left",))]
    assert "kidney" not in stated_tags(one, vocabulary)
    conflict = [Statement("", "", present=("spleen",)), Statement("", "", absent=("spleen",))]
    assert stated_tags(conflict, vocabulary)["spleen"] == "present"


def test_our_miner_reads_the_reports_as_they_are_meant(reports, vocabulary):
    """Two independent pieces of code, the writer and the miner, must agree on what the words mean."""
    miner = TagMiner(vocabulary)
    known = set(ORGANS) | {ancestor for organ in ORGANS for ancestor in vocabulary.ancestors(organ)}
    right = wrong = missed = 0
    for report in reports:
        mined = {item for item in miner.mine(report.text).tags.items() if item[0] in known}
        gold = set(report.tags.items())
        right, wrong, missed = right + len(mined & gold), wrong + len(mined - gold), missed + len(gold - mined)
    assert 2 * right / (2 * right + wrong + missed) > 0.95


def test_comparisons_are_read_from_the_image(studies):
    told = 0
    for study in studies:
        describer = Describer(study, np.random.default_rng(0))
        for statement in describer.normal():
            if "relative to" in statement.text or "compared with" in statement.text:
                told += 1
                assert set(statement.present) <= set(study.visible_organs)
    assert told > 0

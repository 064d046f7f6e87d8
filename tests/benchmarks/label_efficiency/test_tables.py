import json

import pytest

from benchmarks.label_efficiency.tables import BLOCK, Options, fill, main
from benchmarks.record import CHECKOUT


def estimate(mean):
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}


@pytest.fixture
def results(tmp_path):
    def figure(dice, **minus):
        return {"cells": 3, "dice": estimate(dice), "minus": {name: estimate(mean) for name, mean in minus.items()}}

    figures = {
        "n=4 scratch": figure(0.5),
        "n=4 both": figure(0.6, scratch=0.1),
        "n=16 scratch": figure(0.7),
        "n=16 both": figure(0.65, scratch=-0.05),
        "n=64 scratch": None,
    }
    (tmp_path / "a.json").write_text(json.dumps({"figures": figures}))
    return tmp_path


def page(cases="4", arms="scratch both"):
    head = f"<!-- table: a.json; cases {cases}; arms {arms}; minus scratch -->\n"
    return head, f"before\n\n{head}old\n<!-- end of table -->\n\nafter <!-- end of table -->\n"


def cells(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_a_table_shows_what_was_measured_and_nothing_else_of_the_page_changes(results):
    head, text = page()
    filled = fill(text, results)
    assert filled.startswith(f"before\n\n{head}|") and filled.endswith(
        "|\n<!-- end of table -->\n\nafter <!-- end of table -->\n"
    )
    assert cells(filled)[::2] == [
        ["what", "cells", "Dice [95 %]", "− _scratch"],
        ["_scratch", "3", "0.500 [0.400, 0.600]", "–"],
    ]
    assert cells(filled)[3][1:] == ["3", "0.600 [0.500, 0.700]", "+0.100 [+0.000, +0.200]"]
    assert fill(filled, results) == filled


def test_several_numbers_of_cases_stand_beside_one_another(results):
    _, text = page(cases="4 16")
    first, _, _, both = cells(fill(text, results))
    assert first == ["what", "4 cases", "− _scratch", "16 cases", "− _scratch"]
    assert both[1:] == ["0.600", "+0.100 [+0.000, +0.200]", "0.650", "-0.050 [-0.150, +0.050]"]


@pytest.mark.parametrize(("cases", "arms"), [("64", "scratch"), ("4", "tags"), ("1", "scratch")])
def test_what_was_not_measured_is_no_row(results, capsys, cases, arms):
    _, text = page(cases, arms)
    (results / "page.md").write_text(text)
    assert main(Options(results / "page.md", results)) == 1
    assert f"a.json has no figures of {arms} with {cases} cases" in capsys.readouterr().err
    assert (results / "page.md").read_text() == text


def test_a_missing_file_is_one_sentence(results, capsys):
    _, text = page()
    (results / "page.md").write_text(text.replace("a.json", "b.json"))
    assert main(Options(results / "page.md", results)) == 1
    assert "b.json is missing: run `python -m benchmarks.label_efficiency --json" in capsys.readouterr().err


def test_the_findings_have_the_figures_of_the_results():
    text = (CHECKOUT / "benchmarks" / "FINDINGS.md").read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) == text.count("<!-- table: ") >= 6
    assert fill(text, CHECKOUT / "benchmarks" / "results") == text

from __future__ import annotations

import pytest

from pretraining.studies.report_checks import report_flags, report_problem


@pytest.mark.parametrize("report", ["", "  \n", "nan", "NaN", "None", "N/A", "12", "3.5e-4", "12/05/2001", "--", "???"])
def test_reports_that_say_nothing(report):
    assert report_problem(report)


@pytest.mark.parametrize("report", ["Normal.", "No focal lesion", "Leber o.B.", "12 mm nodule", "肝臓は正常"])
def test_reports_that_say_something(report):
    assert report_problem(report) == ""


def test_a_very_long_report_is_flagged_not_refused():
    report = "The liver is normal. " * 5000
    assert report_problem(report) == ""
    assert report_flags(report) == (f"report of {len(report):,} characters",)


@pytest.mark.parametrize(
    ("report", "language"),
    [
        ("Das Herz ist normal groß und die Lunge ist frei. Kein Erguss mit Stauung.", "German"),
        ("El hígado es normal y el riñón derecho se ve sin lesiones en la fase portal.", "Spanish"),
        ("Le foie est normal et la rate est sans lésion dans les limites.", "French"),
        ("Il fegato è normale e la milza non è ingrandita; sono presenti linfonodi nella pelvi.", "Italian"),
        ("肝臓と脾臓に異常を認めません。", "another script"),
        ("Печень не увеличена, селезёнка без особенностей.", "another script"),
    ],
)
def test_other_languages_are_flagged(report, language):
    assert report_flags(report) == (f"report does not look English ({language})",)


@pytest.mark.parametrize(
    "report",
    [
        "The liver and spleen are normal. No evidence of lymphadenopathy in the abdomen.",
        "Axial CT, i.v. contrast. Hepatomegaly.",
        "Die-cast artifact on the left; no pneumothorax.",
        "CT",
        "No acute cardiopulmonary abnormality.",
        "Fracture de novo, en bloc resection, in situ catheter, de Quervain",
    ],
)
def test_english_is_not_flagged(report):
    assert report_flags(report) == ()

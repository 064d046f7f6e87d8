from __future__ import annotations

import pytest

from pretraining.errors import UserError
from pretraining.studies.columns import Columns, resolve_columns


def test_usual_names_are_guessed_whatever_their_spelling():
    header = ["Study ID", "Patient_ID", "ImagePath", "Report Text", "Body_Region", "Modality"]
    columns = resolve_columns(header, Columns(), "a.csv")
    assert (columns.id, columns.patient, columns.image) == ("Study ID", "Patient_ID", "ImagePath")
    assert (columns.report, columns.region, columns.modality) == ("Report Text", "Body_Region", "Modality")


def test_a_chosen_column_wins_and_is_not_guessed_for_anything_else():
    columns = resolve_columns(["image", "report", "text"], Columns(report="text", id="report"), "a.csv")
    assert (columns.report, columns.id) == ("text", "report")


def test_parts_of_a_report_are_guessed():
    columns = resolve_columns(["VolumeName", "Findings_EN", "Impressions_EN"], Columns(), "a.csv")
    assert (columns.image, columns.findings, columns.impression) == ("VolumeName", "Findings_EN", "Impressions_EN")
    assert columns.describe() == "image <- VolumeName, findings <- Findings_EN, impression <- Impressions_EN"


def test_a_finding_of_one_word_is_no_findings_section():
    assert resolve_columns(["filename", "finding"], Columns(), "a.csv").findings == ""


def test_a_chosen_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UserError, match=r"a\.csv has no column 'txt' \(--report-column\); it has: image, report"):
        resolve_columns(["image", "report"], Columns(report="txt"), "a.csv")


def test_a_repeated_column_is_refused():
    with pytest.raises(UserError, match="'report' twice"):
        resolve_columns(["image", "report", "report"], Columns(), "a.csv")

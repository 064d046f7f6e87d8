import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from benchmarks.label_efficiency import records
from benchmarks.label_efficiency.cells import Cell, Pretraining
from benchmarks.label_efficiency.design import ARMS, FINETUNING_SEEDS, PRETRAINING_SEEDS, QUICK, SPLITS
from benchmarks.label_efficiency.folders import Folders, write_json
from benchmarks.label_efficiency.localization import localization_outcome
from benchmarks.label_efficiency.patients import case_names, labelled_job, sequences
from benchmarks.label_efficiency.records import arm_settings
from benchmarks.label_efficiency.report import interventions_outcome, outcomes
from benchmarks.record import NOT_RUN
from pretraining.errors import UserError
from pretraining.phantom.streams import Stream
from pretraining.phantom.study import draw_study


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path)


def write_cell(folders, cell, liver, spleen=0.5, effect=None, labelled=("labelled_0000",), **more):
    dice = {case: {"liver": liver, "spleen": spleen} for case in case_names(QUICK)[1]}
    write_json(folders.record(cell), {"dice": dice, "map_effect": effect, "labelled_cases": list(labelled), **more})


def cell(arm, pretraining=0, finetuning=0, factor=1, cases=4):
    return Cell("reserved", "2d", arm, cases, pretraining, finetuning, factor)


def table(folders):
    outcome = outcomes(folders, QUICK, "reserved", ["2d"])[0]
    rows = {(row[0], row[1]): dict(zip(outcome.columns, row, strict=True)) for row in outcome.rows}
    return outcome, rows


def test_a_gain_and_a_loss_are_both_shown_beside_what_has_not_run(folders):
    for seed in range(2):
        write_cell(folders, cell("scratch", finetuning=seed), 0.6 + seed / 10)
        write_cell(folders, cell("both", 0, seed), 0.7 + seed / 10)
        write_cell(folders, cell("tags", 1, seed), 0.0, None)
    outcome, rows = table(folders)
    both, tags = rows[4, ARMS["both"].title], rows[4, ARMS["tags"].title]
    assert both["cells"] == "2 of 15"
    assert both["Dice [95 %]"].startswith("0.625 [0.600, 0.650]")
    assert both["− _scratch"] == "+0.050 [+0.050, +0.050]"
    assert both["sd finetuning"] == "0.035"
    assert both["sd pretraining"] is None
    assert tags["− _scratch"].startswith("-0.575")
    assert tags["collapsed organs"] == "1.0"
    assert rows[4, ARMS["plain"].title]["Dice [95 %]"] == NOT_RUN
    assert rows[16, "all"]["Dice [95 %]"] == NOT_RUN
    assert outcome.figures["n=4 both"]["minus"]["scratch"]["mean"] == pytest.approx(0.05)
    assert outcome.figures["n=4 plain"] is None


def test_interventions_show_the_chosen_arms_and_numbers_or_all(folders):
    write_cell(folders, cell("scratch"), 0.6)
    write_cell(folders, cell("ceiling_encoder"), 0.7)
    chosen = interventions_outcome(folders, QUICK, "reserved", (4,), ("scratch", "ceiling_encoder"))
    assert [row[:3] for row in chosen.rows] == [
        (4, ARMS[arm].title, "1 of 3") for arm in ("scratch", "ceiling_encoder")
    ]
    assert chosen.figures["n=4 ceiling_encoder"]["minus"]["scratch"]["mean"] == pytest.approx(0.05)
    every = interventions_outcome(folders, QUICK, "reserved")
    assert [row[1] for row in every.rows] == [*(arm.title for arm in ARMS.values()), "all"]
    references = [f"− {ARMS[arm].title}" for arm in ("scratch", "scratch_longer", "both", "self_images")]
    assert list(every.columns[-4:]) == references


def test_interventions_are_compared_on_their_pairs_of_seeds_whatever_else_has_run(folders):
    for finetuning in range(FINETUNING_SEEDS):
        write_cell(folders, cell("scratch", finetuning=finetuning), 0.9 if finetuning > 2 else 0.5, commit="a")
        for pretraining in range(PRETRAINING_SEEDS):
            write_cell(folders, cell("self", pretraining, finetuning), 0.7 if pretraining == finetuning else 0.0)
    found = interventions_outcome(folders, QUICK, "reserved", (4,), ("scratch", "self"))
    assert [row[2] for row in found.rows] == ["3 of 3", "3 of 3"]
    assert [found.figures[f"n=4 {arm}"]["dice"]["mean"] for arm in ("scratch", "self")] == pytest.approx([0.5, 0.6])
    assert found.figures["n=4 self"]["minus"]["scratch"]["mean"] == pytest.approx(0.1)
    assert "Cells ran at commit a (3), unknown (3)." in found.notes
    _, rows = table(folders)
    assert rows[4, ARMS["self"].title]["cells"] == "15 of 15"


def test_a_row_counts_the_cells_that_the_core_plans_or_else_the_grid(folders):
    write_cell(folders, replace(cell("scratch"), family="3d_fullres"), 0.6)
    (outcome,) = outcomes(folders, QUICK, "reserved", ["3d_fullres"])
    counts = {(row[0], row[1]): row[2] for row in outcome.rows}
    assert counts[4, ARMS["scratch"].title] == "1 of 3"
    assert counts[4, ARMS["tags"].title] == "0 of 9"
    assert counts[4, ARMS["contrastive"].title] == "0 of 15"


def test_cases_without_a_label_do_not_count_as_dice_and_are_counted_where_it_is_found(folders, monkeypatch):
    present = np.array([[True, True], [False, True]])
    monkeypatch.setattr(records, "labels_present", lambda size, split: present)
    for seed, second in enumerate((0.0, None)):
        dice = {"labelled_0004": {"liver": 0.6, "spleen": 0.4}, "labelled_0005": {"liver": second, "spleen": 0.4}}
        content = {"dice": dice, "map_effect": None, "labelled_cases": ["labelled_0000"]}
        write_json(folders.record(cell("scratch", finetuning=seed)), content)
    outcome, rows = table(folders)
    assert rows[4, "_scratch"]["Dice [95 %]"].startswith("0.500 [")
    assert "liver 1, spleen 2" in outcome.notes[0]
    assert "With 4 cases, labels found of the 1 that held-out cases lack: _scratch 0.5." in outcome.notes


def test_cells_of_another_version_of_their_arm_are_refused_and_commits_are_told(folders):
    write_cell(folders, cell("scratch"), 0.6, arm=arm_settings("scratch"), commit="0123456789abcdef")
    assert table(folders)[0].notes[1] == "Cells ran at commit 0123456789 (1)."
    write_cell(folders, cell("tags"), 0.6, arm=arm_settings("both"))
    with pytest.raises(UserError, match=r"n4_tags_p0_f0.json was trained with other settings of 'tags'"):
        table(folders)


def test_twice_the_schedule_is_compared_arm_by_arm(folders):
    write_cell(folders, cell("scratch"), 0.6)
    write_cell(folders, cell("scratch", factor=2), 0.8)
    write_cell(folders, cell("both"), 0.6)
    write_cell(folders, cell("both", factor=2, finetuning=1), 0.8)
    outcome, _ = table(folders)
    assert outcome.notes[2:] == ["Twice the schedule with 4 cases changes Dice by: _scratch +0.100 (n=1)."]


def test_what_maps_are_worth_stands_below_the_table(folders):
    for seed, change in enumerate((-0.1, -0.2)):
        effect = {"change": {"zeroed": {"mean": change, "liver": 0.3}, "shuffled": {"mean": 0.0, "liver": 0.0}}}
        write_cell(folders, cell("maps", seed), 0.6, effect=effect)
    write_cell(folders, cell("scratch"), 0.6)
    outcome, _ = table(folders)
    title = ARMS["maps"].title
    assert outcome.notes[2:] == [f"Changed maps with 4 cases change Dice by: {title} zeroed -0.150, shuffled +0.000."]


def test_localization_is_the_mean_over_labelled_organs_and_seeds_and_goes_into_json(folders):
    def figures(auroc):
        return {"auroc": auroc, "average_precision": 0.1, "hit": 0.0}

    for seed, auroc in enumerate((0.4, 0.8)):
        organs = {"liver": auroc, "spleen": 0.6, "brain": 0.0}
        usual = {"prior": figures(0.9), "brightness": figures(0.7)}
        per_tag = {organ: {"attention": figures(value), **usual} for organ, value in organs.items()}
        record = {"localization": {"per_tag": per_tag}, "tags": {"auc": 0.7}}
        first = SPLITS["reserved"].pretraining
        write_json(folders.record(Pretraining("2d", "tags", first + seed)), record)
    outcome = localization_outcome(folders, QUICK, "reserved", "2d")
    assert not localization_outcome(folders, QUICK, "development", "2d").rows
    assert json.loads(json.dumps(asdict(outcome)))["figures"]["tags"]["attention auroc"] == pytest.approx(0.6)
    assert [row[:5] for row in outcome.rows] == [("tags", 2, pytest.approx(0.6), 0.9, pytest.approx(0.7))]


def test_held_out_cases_of_a_sequence_that_no_labelled_case_has_are_counted_apart(folders):
    made_with = sequences(QUICK, "reserved")
    assert (made_with["labelled_0001"], made_with["labelled_0004"], made_with["labelled_0005"]) == ("T2", "T1", "T2")
    dice = {"labelled_0004": {"liver": 0.1, "spleen": 0.3}, "labelled_0005": {"liver": 0.8, "spleen": 0.6}}
    content = {"dice": dice, "map_effect": None, "labelled_cases": ["labelled_0001"]}
    write_json(folders.record(cell("both")), content)
    # An arm of fewer seeds would be of other cases.
    for seed in range(2):
        write_json(folders.record(cell("tags", finetuning=seed)), content)
    write_json(folders.record(cell("both", finetuning=1)), content)
    write_cell(folders, cell("scratch"), 0.9)
    outcome, _ = table(folders)
    assert outcome.notes[-1].endswith(
        f"where it is not: {ARMS['tags'].title} 0.700 / 0.200; {ARMS['both'].title} 0.700 / 0.200."
    )


def test_the_sequences_are_those_of_the_written_cases(tmp_path):
    job = labelled_job(tmp_path, QUICK, "reserved")
    made_with = sequences(QUICK, "reserved")
    stream = Stream(job.seed, "labelled")
    for number, name in enumerate(made_with):
        study = draw_study(stream.patient(number, job.population.habits), stream.study(number), job.population)
        assert study.scan.contrast_name == made_with[name]

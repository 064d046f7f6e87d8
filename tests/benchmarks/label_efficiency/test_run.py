import json

import pytest

from benchmarks.label_efficiency.__main__ import Options, main


@pytest.mark.slow
def test_a_quick_run_trains_scores_and_resumes_to_the_same_numbers(tmp_path, capsys):
    options = Options(quick=True, output=tmp_path / "run", json=tmp_path / "found.json")
    assert main(options) == 0
    cells = {file.name: json.loads(file.read_text()) for file in (tmp_path / "run" / "cells").glob("*.json")}
    assert [cell["job"]["arm"] for _, cell in sorted(cells.items())] == ["both", "scratch", "self"]
    for cell in cells.values():
        assert len(cell["labelled_cases"]) == 2
        assert cell["mirrored_axes"] == [0, 1]
        assert set(cell["dice"]) == {"labelled_0004", "labelled_0005"}
        assert len(cell["curves"]["train_losses"]) == 2
        assert (cell["map_effect"] is None) == (cell["job"]["arm"] != "both")
    (student,) = (json.loads(file.read_text()) for file in (tmp_path / "run" / "students").glob("*.json"))
    labelled = student["labelled_images"]
    # 2 of 32 pairs are validation studies.
    assert labelled["images"] + labelled["rejected"] == 30
    assert labelled["images"] > 0
    table = json.loads((tmp_path / "found_organs_development_2d.json").read_text())
    assert table["quick"]
    assert table["figures"]["n=2 both"]["minus"].keys() == {"scratch"}

    killed, kept = (next((tmp_path / "run" / "cells").glob(f"*{arm}*.json")) for arm in ("both", "scratch"))
    before = killed.read_text(), kept.stat().st_mtime_ns
    killed.unlink()
    assert main(options) == 0
    assert kept.stat().st_mtime_ns == before[1]
    again, first = json.loads(killed.read_text()), json.loads(before[0])
    assert again["curves"]["train_losses"] == pytest.approx(first["curves"]["train_losses"], rel=1e-3)
    capsys.readouterr()
    assert main(Options(quick=True, output=tmp_path / "run", list=True)) == 0
    assert "3 cells are planned, 3 of them are done" in capsys.readouterr().out

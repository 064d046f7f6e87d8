from __future__ import annotations

import pytest

from pretraining.errors import UserError


def test_objects_become_records(read, write, tmp_path):
    table = write(
        "a.jsonl",
        '{"image": "a.png", "report": "Liver.", "patient_id": 12}\n\n'
        '{"image": ["b.png", "c.png"], "report": null}\n'
        '{"image": "d.png", "report": NaN}\n',
    )
    records, rejects = read(table)
    assert [record.report for record in records] == ["Liver.", "", ""]
    assert records[0].patient == "12"
    assert records[1].images == (tmp_path / "b.png", tmp_path / "c.png")
    assert rejects == []


def test_lines_that_are_no_objects_are_rejected(read, write):
    records, rejects = read(write("a.jsonl", '{"image": "a.png", "report": "x"}\n{"image": \n[1]\n"text"\n'))
    assert len(records) == 1
    assert [reject.id for reject in rejects] == ["a.jsonl, line 2", "a.jsonl, line 3", "a.jsonl, line 4"]
    assert rejects[1].reason == "not a JSON object but list"


def test_a_lone_surrogate_is_replaced(read, write):
    (record,), _ = read(write("a.jsonl", '{"image": "a.png", "report": "Liver \\ud800 normal"}\n'))
    assert record.report.encode("utf-8")


def test_no_object_at_all_is_a_users_error(read, write):
    with pytest.raises(UserError, match="holds no JSON object"):
        read(write("a.jsonl", "hello\n"))

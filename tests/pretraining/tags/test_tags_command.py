"""`mosmos_pretrain tags`: formats, standard streams, rejects, order, parallel runs, user mistakes."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from pretraining.cli.main import main

TABLE = 'id,report\na,"Normal liver, no lesion."\nb,Status post cholecystectomy.\nc,Nothing.\n'
WANTED = [
    {"id": "a", "tags": {"liver": "present", "liver_tumor": "absent"}, "regions": ["abdomen"]},
    {"id": "b", "tags": {"gallbladder": "absent"}, "regions": []},
    {"id": "c", "tags": {}, "regions": []},
]


def run(*words: str) -> int:
    return main(["tags", "--workers", "1", *words])


def mined(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reports.csv", TABLE),
        ("reports.tsv", "report\tid\nNormal liver, no lesion.\ta\nStatus post cholecystectomy.\tb\nNothing.\tc\n"),
        (
            "reports.jsonl",
            '{"id": "a", "report": "Normal liver, no lesion."}\n\n'
            '{"id": "b", "report": "Status post cholecystectomy."}\n'
            '{"report": "Nothing.", "id": "c", "more": 1}\n',
        ),
        ("bom.csv", "\ufeff" + TABLE),
        ("windows.csv", TABLE.replace("\n", "\r\n")),
    ],
)
def test_every_format_gives_the_same_lines(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    output = tmp_path / "tags.jsonl"
    assert run("--input", str(tmp_path / name), "--output", str(output)) == 0
    assert mined(output) == WANTED


def test_explain_adds_span_text_and_rule(tmp_path):
    (tmp_path / "r.csv").write_text("key,text\n1,The spleen is absent.\n", encoding="utf-8")
    words = ("--input", str(tmp_path / "r.csv"), "--output", str(tmp_path / "t.jsonl"), "--explain")
    assert run(*words, "--text-column", "text", "--id-column", "key") == 0
    (line,) = mined(tmp_path / "t.jsonl")
    assert line["explain"] == {"spleen": [{"span": [4, 10], "text": "spleen", "rule": "absent-after"}]}


def test_standard_streams(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TABLE.encode())))
    assert main(["tags", "--input", "-", "--format", "csv"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == WANTED


def test_bad_rows_are_listed_with_their_reason_and_counted(tmp_path, caplog):
    rows = [
        ["id", "report"],
        ["1", ""],
        ["2", "NaN"],
        ["3", "12.5"],
        ["", "Normal liver."],
        ["5", "Normal liver."],
        ["6", "one", "too many"],
        ["7", "   "],
        ["8", "---"],
    ]
    with (tmp_path / "r.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    caplog.set_level("INFO")
    assert run("--input", str(tmp_path / "r.csv"), "--output", str(tmp_path / "t.jsonl")) == 0
    assert [line["id"] for line in mined(tmp_path / "t.jsonl")] == ["5"]
    with (tmp_path / "t.rejects.csv").open(encoding="utf-8", newline="") as stream:
        rejects = list(csv.reader(stream))
    assert rejects[0] == ["row", "id", "reason"]
    assert [row[:2] for row in rejects[1:]] == [
        ["1", "1"], ["2", "2"], ["3", "3"], ["4", ""], ["6", ""], ["7", "7"], ["8", "8"],
    ]  # fmt: skip
    assert "the report is empty" in rejects[1][2]
    assert "only a number" in rejects[3][2]
    assert "the id is missing" in rejects[4][2]
    assert "3 fields, but the header has 2" in rejects[5][2]
    assert "8 rows: 1 reports mined, 0 of them without any tag; 7 rows rejected" in caplog.text


@pytest.mark.parametrize(
    ("name", "taken", "reasons"),
    [
        # A table with tabs may well be written without quoting.
        ("r.tsv", ["1", "2", "3", "4", "5", "6"], []),
        ("r.csv", ["1", "5", "6"], [("2", "expected after"), ("3", "expected after"), ("4", "unexpected end of data")]),
    ],
)
def test_a_stray_quote_costs_no_more_than_its_row(tmp_path, name, taken, reasons):
    rows = ["id,report", "1,Normal liver.", '2,"Small" spleen.', '3,"No focal lesion of the liver.',
            '4,"Kidneys normal.', "5,Normal heart.", "6,A mass of 5 inches."]  # fmt: skip
    text = "\n".join(rows)
    (tmp_path / name).write_text(text.replace(",", "\t") if name == "r.tsv" else text, encoding="utf-8")
    assert run("--input", str(tmp_path / name), "--output", str(tmp_path / "t.jsonl")) == 0
    assert [line["id"] for line in mined(tmp_path / "t.jsonl")] == taken
    with (tmp_path / "t.rejects.csv").open(encoding="utf-8", newline="") as stream:
        rejects = list(csv.reader(stream))[1:]
    assert [row for row, _, _ in rejects] == [row for row, _ in reasons]
    assert all(part in reason for (_, _, reason), (_, part) in zip(rejects, reasons, strict=True))


def test_a_quoted_report_may_have_lines_and_quotes(tmp_path):
    (tmp_path / "r.csv").write_text('id,report\n1,"The ""normal"", liver.\nNo spleen."\n', encoding="utf-8")
    assert run("--input", str(tmp_path / "r.csv"), "--output", str(tmp_path / "t.jsonl")) == 0
    assert mined(tmp_path / "t.jsonl")[0]["tags"]["spleen"] == "absent"


def test_bad_json_lines_are_listed(tmp_path):
    lines = ['{"id": 1, "report": "Normal liver."}', "{", "[1]", '{"id": 4}', '{"id": 5, "report": {"a": 1}}',
             '{"id": 6, "report": NaN}', '{"id": 7, "report": null}', '{"report": "Normal liver."}']  # fmt: skip
    (tmp_path / "r.jsonl").write_text("\n".join(lines), encoding="utf-8")
    words = ("--input", str(tmp_path / "r.jsonl"), "--output", str(tmp_path / "t.jsonl"))
    assert run(*words, "--rejects", str(tmp_path / "bad.csv")) == 0
    assert [line["id"] for line in mined(tmp_path / "t.jsonl")] == ["1"]
    with (tmp_path / "bad.csv").open(encoding="utf-8", newline="") as stream:
        assert [row[0] for row in csv.reader(stream)] == ["row", "2", "3", "4", "5", "6", "7", "8"]


def test_text_that_is_not_utf8_is_repaired(tmp_path):
    (tmp_path / "r.csv").write_bytes("id,report\nM\xfcller,Liver 5\xb0 normal.\n".encode("latin-1"))
    assert run("--input", str(tmp_path / "r.csv"), "--output", str(tmp_path / "t.jsonl")) == 0
    (line,) = mined(tmp_path / "t.jsonl")
    assert line == {"id": "Müller", "tags": {"liver": "present"}, "regions": ["abdomen"]}


def test_a_very_long_report_is_mined(tmp_path):
    long = "Normal liver. " * 20_000
    (tmp_path / "r.csv").write_text(f"id,report\n1,{long}\n", encoding="utf-8")
    assert run("--input", str(tmp_path / "r.csv"), "--output", str(tmp_path / "t.jsonl")) == 0
    assert mined(tmp_path / "t.jsonl")[0]["tags"] == {"liver": "present", "liver_tumor": "absent"}


def test_many_processes_keep_the_order(tmp_path):
    sentences = ("Normal liver.", "Status post splenectomy.", "", "Both kidneys are normal.")
    with (tmp_path / "r.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["id", "report"], *([i, sentences[i % 4]] for i in range(1_203))])
    for workers in ("1", "2"):
        words = ("--input", str(tmp_path / "r.csv"), "--output", str(tmp_path / f"{workers}.jsonl"))
        assert main(["tags", *words, "--workers", workers]) == 0
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    assert (tmp_path / "1.rejects.csv").read_bytes() == (tmp_path / "2.rejects.csv").read_bytes()
    assert [line["id"] for line in mined(tmp_path / "2.jsonl")] == [str(i) for i in range(1_203) if i % 4 != 2]


def test_reading_holds_one_row_at_a_time():
    from pretraining.tags.report_files import RowReader

    taken = []

    def lines():
        yield "id,report\n"
        for number in range(10**9):
            taken.append(number)
            yield f"{number},Normal liver.\n"

    reader = RowReader("report", "id", lambda text: "", lambda text: (text, ""), "stream")
    rows = reader.read(lines(), "csv")
    assert [next(rows).id for _ in range(3)] == ["0", "1", "2"]
    assert len(taken) <= 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no reports: name a table with --input FILE"),
        (("--input", "none.csv"), "cannot read none.csv: No such file"),
        (("--input", "r.txt"), "the format of r.txt cannot be told from its name; give --format"),
        (("--input", "-"), "the format of - cannot be told from its name"),
        (("--input", "r.csv", "--text-column", "repotr"), "no column 'repotr'; did you mean 'report'"),
        (
            ("--input", "r.csv", "--id-column", "study"),
            "no column 'study'; name it with --id-column (columns: id, report)",
        ),
        (("--input", "empty.csv"), "empty.csv is empty"),
        (("--input", "r.csv", "--workers", "-1"), "--workers is -1"),
        (("--input", "r.csv", "--vocabulary", "none.yaml"), "cannot read none.yaml"),
        (("--input", "r.csv", "--output", "r.csv/t.jsonl"), "cannot write r.csv/"),
        (("--input", "r.csv", "--output", "./r.csv"), "--input and --output are the same file, ./r.csv"),
        (("--input", "r.csv", "--rejects", "t.jsonl"), "--output and --rejects are the same file, t.jsonl"),
        (("--input", "quote.csv"), "quote.csv: its header is not a row of the table"),
    ],
)
def test_a_users_mistake_is_one_line_and_leaves_no_output(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "r.txt").write_text(TABLE, encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "quote.csv").write_text('"id,report\n1,Liver.\n', encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    assert main(["tags", "--output", "t.jsonl", *words]) == 1
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_the_vocabulary_is_checked(tmp_path, capsys):
    assert main(["tags", "--check-vocabulary"]) == 0
    assert "0 problems" in capsys.readouterr().out
    (tmp_path / "v.yaml").write_text("tags:\n- {id: a, names: [liver, liver], regions: [abdomen]}\n", encoding="utf-8")
    assert main(["tags", "--check-vocabulary", "--vocabulary", str(tmp_path / "v.yaml")]) == 1
    assert "'liver' stands in it twice" in capsys.readouterr().out


def test_real_captions_through_the_command(tmp_path, shared_data):
    captions = shared_data / "text_roco_ccby" / "roco_validation_ccby.tsv"
    words = ("--input", str(captions), "--output", str(tmp_path / "t.jsonl"))
    assert run(*words, "--text-column", "caption", "--id-column", "roco_id") == 0
    lines = mined(tmp_path / "t.jsonl")
    assert len(lines) == 3388
    tags = {line["id"]: line["tags"] for line in lines}
    assert tags["ROCO_00020"]["urinary_bladder"] == "present"
    assert "spleen" not in tags["ROCO_00650"] and tags["ROCO_00650"]["splenic_vein"] == "present"
    assert tags["ROCO_00998"]["kidney_right"] == "present"

from __future__ import annotations

import sys

import pytest

from pretraining.errors import UserError


def test_without_pyarrow_one_sentence_says_what_to_install(read, write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install pyarrow"):
        read(write("a.parquet", ""))


def test_rows_become_records(read, tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    import pyarrow.parquet as parquet

    table = arrow.table({"image": [["a.png", "b.png"], ["c.png"]], "report": ["Liver.", None], "patient": [1.0, 2.0]})
    parquet.write_table(table, tmp_path / "a.parquet")
    (first, second), rejects = read(tmp_path / "a.parquet")
    assert first.images == (tmp_path / "a.png", tmp_path / "b.png")
    assert (first.report, first.patient, second.report) == ("Liver.", "1", "")
    assert rejects == []


def test_a_damaged_file_is_a_users_error(read, write):
    pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    with pytest.raises(UserError, match="not a Parquet file that can be read"):
        read(write("a.parquet", "not parquet"))


@pytest.mark.parametrize("wrap", [lambda content: content, lambda content: {"bytes": content, "path": "a.png"}])
def test_an_image_inside_the_table_is_rejected_with_what_to_do(read, tmp_path, wrap):
    arrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    import pyarrow.parquet as parquet

    table = arrow.table({"image": [wrap(b"\x89PNG\\" * 500)], "report": ["Liver."]})
    parquet.write_table(table, tmp_path / "a.parquet")
    records, rejects = read(tmp_path / "a.parquet")
    assert records == []
    assert rejects[0].reason == "an image is embedded in the table as bytes: save it as a file, and name the file"

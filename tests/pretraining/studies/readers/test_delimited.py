from __future__ import annotations

import os
from typing import get_args

import pytest

from pretraining.errors import UserError
from pretraining.studies.columns import Columns
from pretraining.studies.options import Format
from pretraining.studies.readers import MODULES


def test_a_row_becomes_a_record(read, write, tmp_path):
    table = write(
        "a.csv",
        "id,patient,image,report,body_region,modality,split,mask\n"
        '7,p1,x/a.png;x/b.png,"Liver, spleen.\nNormal.",ABD,X-ray,valid,m/a.png|m/b.png\n',
    )
    (record,), rejects = read(table)
    assert (record.id, record.patient, record.split) == ("7", "p1", "val")
    assert record.images == (tmp_path / "x/a.png", tmp_path / "x/b.png")
    assert record.masks == (tmp_path / "m/a.png", tmp_path / "m/b.png")
    assert record.report == "Liver, spleen.\nNormal."
    assert (record.regions, record.modality) == (("abdomen",), "XR")
    assert record.source == "a.csv, row 2"
    assert rejects == []


def test_tabs_and_an_image_root(read, write, tmp_path):
    root = tmp_path / "images"
    root.mkdir()
    (record,), _ = read(write("a.tsv", "file\tcaption\na.png\tLiver, normal\n"), image_root=root)
    assert record.images == (root / "a.png",)
    assert record.report == "Liver, normal"


def test_parts_of_a_report_are_joined_under_headings(read, write):
    (record,), _ = read(write("a.csv", "image,indication,findings,impression\na.png,Pain,Liver ok,\n"))
    assert record.report == "HISTORY: Pain\nFINDINGS: Liver ok"
    whole, parts = read(write("a.csv", "image,report,findings\na.png,Liver,Spleen\nb.png,,Spleen\n"))[0]
    assert (whole.report, parts.report) == ("Liver", "FINDINGS: Spleen")


def test_broken_rows_are_rejected_with_their_place(read, write):
    records, rejects = read(write("a.csv", "image,report\na.png,Liver\nb.png\nc.png,x,y\n,Spleen\n\nd.png,Lung\n"))
    assert [record.images[0].name for record in records] == ["a.png", "d.png"]
    assert [(reject.id, reject.reason) for reject in rejects] == [
        ("a.csv, row 3", "1 fields, but the header has 2"),
        ("a.csv, row 4", "3 fields, but the header has 2"),
        ("a.csv, row 5", "no image is named"),
    ]


def test_text_that_is_not_utf8_is_read_and_flagged(read, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"image,report\na.png,L\xe9sion of the liver\nb.png,L\xc3\xa9sion of the liver\n")
    (first, second), _ = read(path)
    assert first.report == second.report == "Lésion of the liver"
    assert first.flags == ("text was not UTF-8: read as Windows-1252",)
    assert second.flags == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_understood(read, tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_text("image,report\na.png,Lésion\n", encoding=encoding)
    (record,), _ = read(path)
    assert record.report == "Lésion"


def test_a_report_of_a_million_characters_and_nul_bytes(read, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"image,report\na.png," + b"liver " * 170_000 + b"\nb.png,Sple\0en\n")
    (first, second), _ = read(path)
    assert len(first.report) == 6 * 170_000 - 1
    assert second.report == "Spleen"


def test_a_stray_quote_costs_no_more_than_its_row(read, write):
    records, (reject,) = read(write("a.csv", 'image,report\na.png,"Liver\nb.png,Spleen\nc.png,Heart\n'))
    assert [record.report for record in records] == ["Spleen", "Heart"]
    assert reject.id == "a.csv, row 2"
    assert "not a row of the table (unexpected end of data)" in reject.reason


def test_paths_from_windows_and_json_lists(read, write, touch, tmp_path):
    touch("x/a.png")
    (record,), _ = read(write("a.csv", 'image,report\n"[""x\\\\a.png"", ""b.png""]",Liver\n'))
    assert record.images == (tmp_path / "x/a.png", tmp_path / "b.png")


def test_text_with_a_backslash_is_a_path_that_is_not_there(read, write):
    text = "Liver\\spleen normal. " * 30
    (record,), _ = read(write("a.csv", f"image,report\n{text},Liver\n"))
    assert not os.path.exists(record.images[0])


def test_a_pattern_for_a_table_is_a_users_error(read, write):
    with pytest.raises(UserError, match=r"--pattern chooses among the images of a folder, but .*a\.csv is read as csv"):
        read(write("a.csv", "image,report\na.png,Liver\n"), pattern="0*")


def test_an_unknown_region_is_flagged_and_an_unknown_split_rejected(read, write):
    records, rejects = read(write("a.csv", "image,report,region,split\na.png,L,elsewhere,train\nb.png,L,,fold7\n"))
    assert records[0].flags == ("body region 'elsewhere' is not known",)
    assert rejects[0].reason == "split 'fold7' is not known (train, val, test)"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "no column is known to hold images.*--image-column.*a, b"),
        ("image,b\n1,2\n", "no column is known to hold reports.*--report-column.*--images-only"),
    ],
)
def test_a_table_without_images_or_reports_is_a_users_error(read, write, text, complaint):
    with pytest.raises(UserError, match=complaint):
        read(write("a.csv", text))


def test_columns_by_option(read, write, tmp_path):
    (record,), _ = read(write("a.csv", "foo,bar\na.png,Liver\n"), columns=Columns(image="foo", report="bar"))
    assert (record.images, record.report) == ((tmp_path / "a.png",), "Liver")


def test_a_missing_input_and_an_unknown_kind_are_users_errors(read, write, tmp_path):
    with pytest.raises(UserError, match=r"does not exist \(--input\)"):
        read(tmp_path / "no.csv")
    with pytest.raises(UserError, match="--format"):
        read(write("a.xyz", "?"))
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path)


def test_every_format_of_the_option_has_a_reader():
    assert set(get_args(Format)) == {"auto", *MODULES}

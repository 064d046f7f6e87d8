import pytest

from pretraining.tables import table_rows


@pytest.mark.parametrize(
    ("delimiter", "text", "rows"),
    [
        (",", 'a,b\r\n1,"x, ""y""\r\nz"\r\n\r\n2,w', [["a", "b"], ["1", 'x, "y"\r\nz'], [], ["2", "w"]]),
        (",", 'a,5" mass\nb\0,c\n', [["a", '5" mass'], ["b", "c"]]),
        ("\t", 'a\t"x\ny"\nb\tz\n', [["a", "x\ny"], ["b", "z"]]),
        # A quote that does not close its cell; in a table with tabs it is text.
        (",", 'a,"x" y\nb,z\n', ["',' expected", ["b", "z"]]),
        (",", 'a,"x\nb,"y\nc,z\n', ["',' expected", "unexpected end", ["c", "z"]]),
        ("\t", 'a\t"x" y\nb\tz\n', [["a", '"x" y'], ["b", "z"]]),
        ("\t", 'a\t"x\nb\ty"\nc\tz\n', [["a", '"x'], ["b", 'y"'], ["c", "z"]]),
    ],
)
def test_a_stray_quote_costs_no_row_but_its_own(delimiter, text, rows):
    found = list(table_rows(text.splitlines(keepends=True), delimiter))
    assert len(found) == len(rows)
    for cells, wanted in zip(found, rows, strict=True):
        assert wanted in cells if isinstance(wanted, str) else cells == wanted


def test_a_cell_may_be_longer_than_csv_allows_by_default():
    (cells,) = table_rows([f"a,{'x' * 200_000}\n"], ",")
    assert cells[1] == "x" * 200_000

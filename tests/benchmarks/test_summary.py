import json
from dataclasses import replace

import pytest

from benchmarks.record import NOT_RUN, Outcome, command, conclude
from benchmarks.summary import BEGIN, END, Options, main, replace_section, section
from pretraining.errors import UserError

OUTCOME = Outcome(
    benchmark="speed", title="How fast", columns=("what", "value"), rows=[("a step", 0.98765), ("b", None)], seeds=(3,)
)


@pytest.fixture
def results(tmp_path):
    for name in ("b", "a"):
        conclude(replace(OUTCOME, benchmark=name), quick=name == "b", file=tmp_path / "results" / f"{name}.json")
    return tmp_path / "results"


def test_a_result_says_what_was_run_with_what_and_where_but_not_on_whose_machine(results, capsys):
    found = json.loads((results / "a.json").read_text())
    assert found["seeds"] == [3]
    assert found["machine"]["cores"] >= 1
    assert {"python", "torch", "numpy"} <= set(found["versions"])
    assert len(found["commit"].partition("+")[0]) in (7, 40)
    assert str(results.parent) not in (results / "a.json").read_text()


def test_the_table_is_printed_last(results, capsys):
    conclude(OUTCOME, quick=False, file=None)
    assert capsys.readouterr().out.splitlines()[-2:] == ["| a step | 0.988 |", "| b      | –     |"]


def test_the_command_names_files_but_not_where_they_lie():
    assert command("x", ["--json", "/home/me/x.json", "--data=/home/me/y", "--quick", "work/z"]) == (
        "python -m benchmarks.x --json x.json --data=y --quick work/z"
    )


def test_the_section_replaces_only_what_is_between_the_markers(results, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    text = section(results)
    assert text.count("How fast") == 2
    assert text.count("--quick` run") == 1
    for _ in range(2):
        replace_section(readme, text)
        assert readme.read_text() == f"before\n{BEGIN}\n\n{text}\n\n{END}\nafter\n"


def test_a_quick_result_only_fills_what_has_no_full_one(results, tmp_path):
    quick = tmp_path / "quick"
    for name in ("a", "c"):
        conclude(replace(OUTCOME, benchmark=name, title=f"Quick {name}"), quick=True, file=quick / f"{name}_again.json")
    text = section(results, quick, tmp_path / "none")
    assert [line for line in text.splitlines() if line.startswith("**")] == [
        "**How fast**",
        "**How fast**",
        "**Quick c**",
    ]


def test_the_readme_leaves_out_notes_and_what_has_not_run_and_the_page_shows_all(tmp_path):
    rows = [("a step", 1), ("two", NOT_RUN)]
    conclude(replace(OUTCOME, rows=rows, notes=["A note."]), quick=False, file=tmp_path / "results" / "a.json")
    readme, page = tmp_path / "README.md", tmp_path / "RESULTS.md"
    readme.write_text(f"{BEGIN}{END}")
    assert main(Options((tmp_path / "results",), readme, page)) == 0
    for file, complete in ((readme, False), (page, True)):
        text = file.read_text()
        assert "| a step | 1 " in text
        assert (NOT_RUN in text, "A note." in text) == (complete, complete)


@pytest.mark.parametrize("content", ["no markers", f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_file_without_its_two_markers_is_left_alone(tmp_path, content):
    readme = tmp_path / "README.md"
    readme.write_text(content)
    with pytest.raises(UserError, match="once each"):
        replace_section(readme, "new")
    assert readme.read_text() == content


def test_a_file_that_is_no_result_is_named(tmp_path):
    with pytest.raises(UserError, match="no results in"):
        section(tmp_path)
    (tmp_path / "odd.json").write_text("[]")
    with pytest.raises(UserError, match=r"odd\.json is not what a benchmark writes"):
        section(tmp_path)

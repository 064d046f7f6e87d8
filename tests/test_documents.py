"""What the documents say is there: links, column names, the vocabulary's fields, the options of commands."""

import importlib
import re
from pathlib import Path

import pytest
import tyro

from pretraining.cli.main import COMMANDS
from pretraining.studies import columns
from pretraining.tags import vocabulary_file
from pretraining.tags.vocabulary import load_vocabulary

CHECKOUT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path.relative_to(CHECKOUT) for folder in ("", "docs", "benchmarks") for path in (CHECKOUT / folder).glob("*.md")
)
CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS = {f"mosmos_pretrain {name}": f"pretraining.cli.{name}" for name in COMMANDS} | {
    f"nnUNetv2_mosmos_{name}": f"nnunetv2_mosmos.cli.{name}" for name in ("attach", "convert", "label")
}


def read(document):
    return (CHECKOUT / document).read_text(encoding="utf-8")


def anchors(text):
    """The names that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def first_column(text, heading):
    """What stands in backquotes in the first column of the table whose header begins with `heading`."""
    table = text.partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_relative_link_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)]+)\)", CODE.sub("", read(document))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = CHECKOUT / document.parent / name if name else CHECKOUT / document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), target


def test_the_column_names_are_those_that_are_understood():
    table = read("docs/preparing.md").partition("| column |")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", row) for row in table.splitlines()[2:]]
    assert {role: tuple(names) for role, *names in rows} == columns._NAMES


def test_the_fields_of_a_vocabulary_are_those_that_are_read(tmp_path):
    text = read("docs/tags.md")
    assert first_column(text, "field of the file") == vocabulary_file._TOP_FIELDS
    assert first_column(text, "field of a tag") == vocabulary_file._FILE_FIELDS
    (example,) = (code for language, code in CODE.findall(text) if language == "yaml")
    (tmp_path / "own.yaml").write_text(example, encoding="utf-8")
    assert set(load_vocabulary(tmp_path / "own.yaml").ids) > set(load_vocabulary().ids)


@pytest.mark.parametrize(("program", "module"), PROGRAMS.items(), ids=list(PROGRAMS))
def test_the_options_in_examples_exist(program, module, capsys):
    with pytest.raises(SystemExit):
        tyro.cli(importlib.import_module(module).Options, args=["--help"], config=(tyro.conf.OmitArgPrefixes,))
    known = set(re.findall(r"(?<!\S)--?[a-zA-Z][\w-]*", capsys.readouterr().out))
    for document in DOCUMENTS:
        for language, code in CODE.findall(read(document)):
            lines = code.replace("\\\n", " ").splitlines() if language == "bash" else []
            for words in (found[1] for line in lines if (found := re.match(rf"\s*{program} ([^#|]*)", line))):
                assert set(re.findall(r"(?<!\S)--?[a-zA-Z][\w-]*", words)) <= known, (document, words)

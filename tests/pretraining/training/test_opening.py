import json
import shutil
from dataclasses import replace

import pytest
from filelock import FileLock

from pretraining.errors import UserError
from pretraining.lock import LOCK
from pretraining.tags.vocabulary import Vocabulary
from pretraining.training import opening
from pretraining.training.checkpoint import LATEST, PREVIOUS
from pretraining.training.opening import open_run
from pretraining.training.pretrain import pretrain
from pretraining.training.run_folder import CONFIG, VOCABULARY, read_record


@pytest.fixture
def record(finished_run):
    return read_record(finished_run)


@pytest.fixture
def run(finished_run, tmp_path):
    return shutil.copytree(finished_run, tmp_path / "runs" / "run")


def enter(folder, record, start="auto"):
    with open_run(folder, None, record, start):
        return sorted(entry.name for entry in folder.iterdir())


def test_a_mistyped_folder_starts_no_second_run(run, record):
    typed = run.with_name("rnu")
    with pytest.raises(UserError, match=r"rnu would be a new run, but .*/run was started with the same settings"):
        enter(typed, record)
    with pytest.raises(UserError, match="rnu holds no run to resume"):
        enter(typed, record, "resume")
    with pytest.raises(UserError, match=r"there is no folder .*/rusn"):
        enter(run.parents[1] / "rusn" / "run", record)
    assert [folder.name for folder in run.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("name", ["is_run", "read_settings"])
def test_a_folder_of_another_user_is_not_in_the_way(run, record, monkeypatch, name):
    look = getattr(opening, name)

    def look_unless_forbidden(folder):
        if folder == run:
            raise PermissionError(13, "Permission denied")
        return look(folder)

    monkeypatch.setattr(opening, name, look_unless_forbidden)
    with pytest.raises(AttributeError, match="texts"):  # it goes on to train the new run's tokenizer
        enter(run.with_name("second"), record)


def test_a_folder_that_may_not_be_entered_or_made_is_one_sentence(record, run, monkeypatch):
    def forbidden(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening, "is_run", forbidden)
    for folder in (run, run / "missing" / "run"):
        with pytest.raises(UserError, match=r"run cannot be written to \(Permission denied; .* MiB are free\)"):
            enter(folder, record)


def test_new_and_resume_do_what_they_say(run, record, monkeypatch, caplog):
    monkeypatch.setattr(opening, "train_tokenizer", lambda texts, folder: folder.mkdir())
    caplog.set_level("INFO")
    with pytest.raises(UserError, match="holds a run already"):
        enter(run, record, "new")
    enter(run, record, "resume")
    assert not caplog.text
    with pytest.raises(AttributeError, match="texts"):  # it goes on to train the new run's tokenizer
        enter(run.with_name("second"), record, "new")
    assert "new run in" in caplog.text


def test_two_processes_do_not_train_into_one_folder(run, record, monkeypatch):
    monkeypatch.setattr(opening, "LOCK_SECONDS", 0)
    with FileLock(run / LOCK), pytest.raises(UserError, match=r"another process is training in .*/run"):
        enter(run, record)
    enter(run, record)


def test_checkpoints_that_are_gone_are_not_replaced_by_a_fresh_start(prepared, tiny_config, on_cpu, run):
    for name in (LATEST, PREVIOUS):
        (run / name).unlink()
    with pytest.raises(UserError, match="trained already, but its checkpoints are gone"):
        pretrain(prepared, run, tiny_config, on_cpu)


def test_a_start_that_was_cut_short_is_taken_up(prepared, tiny_config, on_cpu, run):
    for entry in run.iterdir():
        if entry.is_file() and entry.name != VOCABULARY:
            entry.unlink()
    (run / f".77.{CONFIG}").touch()
    assert pretrain(prepared, run, tiny_config, on_cpu) == 0


def test_another_vocabulary_and_other_studies_are_refused_by_tag_and_count(run, record):
    plain = record.vocabulary.to_dict()
    text = json.dumps(plain).replace('"id": "liver"', '"id": "hepar"').replace('"liver"]', '"hepar"]')
    other = Vocabulary.from_dict(json.loads(text))
    data = record.data | {"train images": 31, "vocabulary sha256": other.hash}
    with pytest.raises(UserError) as refused:
        enter(run, replace(record, vocabulary=other, data=data))
    message = str(refused.value)
    assert "train images 32 -> 31" in message
    assert f"vocabulary sha256 {record.vocabulary.hash[:8]} -> {other.hash[:8]}" in message
    assert "1 tag(s) gone: liver; 1 tag(s) new: hepar" in message

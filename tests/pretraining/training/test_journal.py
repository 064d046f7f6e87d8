import json

from pretraining.training.journal import METRICS, STEPS, TABLE, Journal, read_metrics


def entry(epoch):
    return {"epoch": epoch, "step": 2 * epoch, "train/loss": 1 / epoch, "val/tag_auc": None}


def steps(folder):
    return [json.loads(line)["step"] for line in (folder / STEPS).read_text().splitlines()]


class Listener:
    def __init__(self):
        self.heard = []

    def record(self, step, values):
        self.heard.append((step, values))

    def close(self):
        self.heard.append("closed")


def test_a_resumed_run_repeats_no_entry_and_survives_torn_lines(tmp_path):
    journal = Journal(tmp_path)
    for step in range(1, 5):
        journal.add_step(step, {"loss": 0.1 * step})
        if step % 2 == 0:
            journal.write_steps()
            journal.add_epoch(entry(step // 2))
    for name in (STEPS, METRICS):
        with (tmp_path / name).open("a") as file:
            file.write('{"epoch": 3, "st')
    assert [one["epoch"] for one in read_metrics(tmp_path)] == [1, 2]
    resumed = Journal(tmp_path)
    resumed.rewind(3, 1)
    assert steps(tmp_path) == [1, 2, 3]
    resumed.add_step(4, {"loss": 0.4})
    assert steps(tmp_path) == [1, 2, 3]
    resumed.write_steps()
    resumed.add_epoch(entry(2))
    assert steps(tmp_path) == [1, 2, 3, 4]
    assert [one["epoch"] for one in read_metrics(tmp_path)] == [1, 2]
    assert (tmp_path / TABLE).read_text().splitlines() == ["epoch,step,train/loss,val/tag_auc", "1,2,1.0,", "2,4,0.5,"]


def test_watchers_hear_of_steps_and_epochs(tmp_path):
    listener = Listener()
    journal = Journal(tmp_path)
    journal.watchers = [listener]
    journal.add_step(2, {"loss": 0.5})
    journal.add_epoch(entry(1))
    journal.close()
    assert listener.heard == [(2, {"step/loss": 0.5}), (2, {"epoch": 1, "train/loss": 1.0}), "closed"]

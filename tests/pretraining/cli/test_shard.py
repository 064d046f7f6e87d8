from pretraining.cli.main import main
from pretraining.data.shards.index import is_sharded


def test_shards_are_written_into_a_new_folder_only(prepared, tmp_path, caplog, capsys):
    caplog.set_level("INFO")
    words = ["shard", "--data", str(prepared), "--output", str(tmp_path / "out"), "--studies-per-shard", "20"]
    assert main(words) == 0
    assert "2 train, 1 val, 0 test tar file(s)" in caplog.text
    assert is_sharded(tmp_path / "out")
    assert main(words) == 1
    assert "is not empty" in capsys.readouterr().err

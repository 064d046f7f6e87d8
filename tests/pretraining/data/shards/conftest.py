import pytest

from pretraining.data.shards.write import write_shards


@pytest.fixture(scope="session")
def sharded(prepared, tmp_path_factory):
    """The prepared folder's 40 studies, 6 a shard: 6 shards train, 2 validate."""
    folder = tmp_path_factory.mktemp("shards")
    write_shards(prepared, folder, 6)
    return folder

import sys
from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest
import torch

from pretraining.data.batches import StudyImages, in_order, loader
from pretraining.data.corpus import read_corpus
from pretraining.data.order import StudyOrder
from pretraining.data.shards.index import read_index
from pretraining.errors import UserError
from pretraining.image.normalization import Normalization
from pretraining.processes import Processes
from pretraining.training.pretrain import pretrain

pytest.importorskip("webdataset")

from pretraining.data.shards.stream import ShardedImages

SIZE = (32, 32)


@pytest.fixture
def images(sharded):
    pairs = read_corpus(sharded).of("train")
    return ShardedImages(read_index(sharded), pairs, SIZE, 1, Normalization(), seed=0)


def epoch_of(images, epoch, batch_size=8, seed=0):
    """The batches of one epoch, of one reading process."""
    order = StudyOrder(len(images), batch_size, seed, first_step=epoch * 4)
    return list(islice(loader(images, order, workers=0), 4))


def ids(batches):
    return [study for batch in batches for study in batch.studies]


def test_an_epoch_is_every_study_once_in_an_order_of_seed_and_epoch_alone(images):
    first = ids(epoch_of(images, 0))
    assert Counter(first) == Counter(pair.study for pair in images.pairs)
    assert ids(epoch_of(images, 0)) == first
    assert ids(epoch_of(images, 1)) != first
    assert ids(epoch_of(images, 0, seed=1)) != first
    order = StudyOrder(len(images), 8, seed=0)
    assert ids(islice(loader(images, order, workers=0), 8)) == first + ids(epoch_of(images, 1))


def test_images_are_those_that_the_prepared_folder_gives(images, prepared):
    plain = StudyImages(read_corpus(prepared).of("train"), SIZE, 1, Normalization(), seed=0)
    numbers = {pair.study: number for number, pair in enumerate(plain.pairs)}
    for batch in epoch_of(images, 3):
        for study, image, report in zip(batch.studies, batch.images, batch.reports, strict=True):
            expected, pair = plain[3, numbers[study]]
            assert torch.equal(image, expected)
            assert report == pair.report


def test_workers_and_processes_share_an_epoch_in_micro_batches(images):
    found = []
    for rank in range(3):
        # A worker's share of an epoch is one shard: of 6 studies, or of the 2 that are left.
        order = StudyOrder(len(images), 18, 0, micro_batch_size=4, processes=Processes(rank, 3))
        batches = list(islice(loader(images, order, workers=2), 12))
        assert [len(batch.studies) for batch in batches[: order.parts_of(0)]] == [4, 2]
        found += ids(batches)
    assert set(found) == {pair.study for pair in images.pairs}


def test_a_resumed_stream_leaves_out_the_shards_that_are_done(images):
    order = StudyOrder(len(images), 8, seed=0, first_step=2)
    whole, rest = ids(epoch_of(images, 0)), ids(islice(loader(images, order, workers=0), 2))
    assert set(rest) < set(whole)
    assert len(set(rest)) == 16


def test_validation_reads_everything_once(sharded):
    pairs = read_corpus(sharded).of("val")
    images = ShardedImages(read_index(sharded), pairs, SIZE, 1, Normalization(), seed=None)
    batches = list(loader(images, in_order(len(images), 5), workers=0))
    assert [len(batch.studies) for batch in batches] == [5, 3]
    assert set(ids(batches)) == {pair.study for pair in pairs}


def test_training_runs_on_shards_and_says_that_resuming_is_not_exact(sharded, tiny_config, on_cpu, tmp_path, caplog):
    config = replace(tiny_config, optimization=replace(tiny_config.optimization, epochs=1))
    pretrain(sharded, tmp_path / "run", config, replace(on_cpu, workers=1))
    assert "not bit-identically" in caplog.text
    assert '"val/loss"' in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_more_workers_than_shards_are_refused(images):
    with pytest.raises(UserError, match=r"6 training shard\(s\) cannot be split .* give fewer --workers"):
        next(loader(images, StudyOrder(len(images), 8, 0), workers=7))


def test_a_shard_that_is_cut_off_is_named(images, tmp_path):
    cut = tmp_path / "cut.tar"
    with open(images.shards[0], "rb") as whole:
        cut.write_bytes(whole.read()[:3000])
    images.shards[:] = [str(cut)]
    with pytest.raises(UserError, match=r"the shard .*cut\.tar cannot be read"):
        next(loader(images, StudyOrder(len(images), 8, 0), workers=1))


def test_a_pipe_is_left_to_webdataset(sharded, images):
    plain = ids(epoch_of(images, 0))
    images.shards[:] = [f"pipe:cat {shard}" for shard in images.shards]
    assert ids(epoch_of(images, 0)) == plain


def test_without_webdataset_one_sentence_says_what_to_install(sharded, tiny_config, on_cpu, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "webdataset", None)
    with pytest.raises(UserError, match=r"pip install 'nnunetv2-mosmos\[webdataset\]'"):
        pretrain(sharded, tmp_path / "run", tiny_config, on_cpu)
    assert not (tmp_path / "run").exists()

from dataclasses import replace

import pytest
import torch

from pretraining.data.batches import StudyImages, collate, in_order, loader
from pretraining.data.corpus import read_corpus
from pretraining.training.config import ImageConfig, ObjectiveConfig, TextConfig
from pretraining.training.opening import open_run
from pretraining.training.pretrain import build_task, describe


@pytest.fixture(scope="module")
def make_task(prepared, tiny_config, tmp_path_factory):
    corpus = read_corpus(prepared)

    def make(**changes):
        record = describe(corpus, replace(tiny_config, **changes))
        folder = tmp_path_factory.mktemp("task")
        with open_run(folder / "run", corpus, record, "new"):
            task = build_task(folder / "run", corpus, record)
        return task, StudyImages(corpus.of("train"), (32, 32), 1, record.normalization, None)

    return make


def test_the_corpus_uses_the_tags_that_reports_settle(prepared):
    corpus = read_corpus(prepared)
    assert set(corpus.tag_ids) == {"liver", "spleen", "kidney_left", "kidney_right"}
    assert corpus.present["liver"] + corpus.absent["liver"] <= 32
    assert all(set(pair.targets.tolist()) <= {-1, 0, 1} for pair in corpus.pairs)


def test_every_part_of_the_model_learns(make_task):
    task, pairs = make_task()
    task(collate([pairs[0, index] for index in range(16)])).losses["loss"].backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in task.parameters())


def test_weights_of_zero_leave_a_loss_out_of_the_gradient(make_task):
    task, pairs = make_task(objective=ObjectiveConfig(contrastive_weight=0, sentence_weight=0))
    outcome = task(collate([pairs[0, index] for index in range(4)]))
    assert float(outcome.losses["loss"].detach()) == pytest.approx(2 * float(outcome.losses["tags"].detach()))
    assert set(outcome.losses) == {"tags", "loss"}
    # Validation shows every loss.
    assert set(task.eval()(collate([pairs[0, 0]])).losses) == {"contrastive", "tags", "sentences", "loss"}


def test_a_masked_autoencoder_takes_one_pass_over_its_images(make_task):
    alone = ObjectiveConfig(contrastive_weight=0, tag_weight=0, sentence_weight=0, reconstruction_weight=1)
    task, pairs = make_task(objective=alone)
    passes = []
    task.model.encoder.register_forward_hook(lambda *_: passes.append(1))
    assert set(task(collate([pairs[0, 0]])).losses) == {"reconstruction", "loss"}
    assert len(passes) == 1
    assert {"contrastive", "tags", "sentences"} < set(task.eval()(collate([pairs[0, 0]])).losses)


def test_only_the_words_of_sentences_are_kept(make_task, prepared):
    task, _ = make_task()
    spoken = {number for pair in read_corpus(prepared).pairs for _, number in pair.sentences}
    assert set(task.objective.words) == spoken


def test_balanced_losses_count_alike_whatever_their_size(make_task):
    task, pairs = make_task(objective=ObjectiveConfig(contrastive_weight=1, tag_weight=1, balance_losses=True))
    losses = task(collate([pairs[0, index] for index in range(8)])).losses
    assert float(losses["loss"].detach()) == pytest.approx(3)
    (gradient,) = torch.autograd.grad(losses["loss"], losses["tags"])
    assert float(gradient) == pytest.approx(1 / float(losses["tags"].detach()))


@pytest.mark.parametrize("contrastive", ["infonce", "siglip"])
def test_a_batch_of_one_and_a_ragged_last_batch_behave(make_task, contrastive):
    task, pairs = make_task(objective=ObjectiveConfig(contrastive=contrastive))
    sizes = []
    for batch in loader(pairs, in_order(len(pairs), 31), workers=0):
        losses = task(batch).losses
        sizes.append(len(batch.studies))
        assert all(torch.isfinite(loss) for loss in losses.values())
    assert sizes == [31, 1]


def test_random_tags_know_nothing_of_the_names_and_are_reproducible(make_task):
    random = TextConfig(scratch_hidden_size=32, scratch_layers=1, tag_embeddings="random")
    first, again, named = (
        make_task(text=text)[0].eval() for text in (random, random, replace(random, tag_embeddings="text"))
    )
    with torch.no_grad():
        assert torch.equal(first.prompt_features(), again.prompt_features())
        assert not torch.allclose(first.prompt_features(), named.prompt_features())


def test_a_transformer_starts_from_foreign_weights(prepared, tiny_config, tmp_path):
    from transformers import ViTConfig, ViTModel

    vit = ViTModel(
        ViTConfig(
            hidden_size=24,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=48,
            image_size=32,
            patch_size=8,
        )
    )
    vit.save_pretrained(tmp_path / "vit")
    image = ImageConfig(encoder="vit", vit_weights=str(tmp_path / "vit"), image_size=(32, 32), embedding_dim=16)
    corpus = read_corpus(prepared)
    record = describe(corpus, replace(tiny_config, image=image))
    with open_run(tmp_path / "run", corpus, record, "new"):
        task = build_task(tmp_path / "run", corpus, record)
    assert torch.equal(task.model.encoder.norm.weight, vit.layernorm.weight)
    assert torch.equal(task.model.encoder.blocks[3].mlp.linear1.weight, vit.state_dict()[_linear1(vit)])
    outcome = task(collate([StudyImages(corpus.of("train"), (32, 32), 1, record.normalization, None)[0, 0]]))
    assert outcome.features["logits"].shape == (1, len(corpus.tag_ids))


def _linear1(vit):
    """transformers 4 and 5 name it differently."""
    return next(
        name
        for name in vit.state_dict()
        if ".3." in name and name.endswith(("mlp.fc1.weight", "intermediate.dense.weight"))
    )

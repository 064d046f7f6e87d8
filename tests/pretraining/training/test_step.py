from dataclasses import replace

import pytest
import torch
import torch.multiprocessing as mp

from pretraining.data.batches import StudyImages, collate, loader
from pretraining.data.corpus import read_corpus
from pretraining.data.order import shares_in_order
from pretraining.losses.temperature import HIGHEST, LOWEST
from pretraining.processes import Processes
from pretraining.training.config import ObjectiveConfig, OptimizationConfig
from pretraining.training.opening import open_run
from pretraining.training.optimizer import build_optimizer
from pretraining.training.passes import Pass
from pretraining.training.pretrain import build_task, describe
from pretraining.training.step import TrainingStep, precision_of
from pretraining.training.validation import validate

STUDIES = 13
EVERY_LOSS = ObjectiveConfig(reconstruction_weight=0.5)


def make(prepared, config, folder, processes=None):
    """A task without dropout, its step and its studies."""
    corpus = read_corpus(prepared)
    record = describe(corpus, config)
    processes = processes or Processes()
    with processes.first_ahead():
        if processes.rank == 0:
            with open_run(folder, corpus, record, "new"):
                pass
    task = build_task(folder, corpus, record)
    for module in task.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    # The same patches are hidden, however the studies are split.
    if task.model.reconstruction is not None:
        hidden = torch.arange(8) % 3 > 0
        task.model.reconstruction.draw = lambda images: hidden.expand(len(images), 8, 8)
    optimizer = build_optimizer(task, config)
    step = TrainingStep(task, optimizer, config.optimization, processes)
    pairs = StudyImages(corpus.of("train"), (32, 32), 1, record.normalization, None)
    return task, step, pairs


def gradients_of(task):
    return {name: parameter.grad.clone() for name, parameter in task.named_parameters() if parameter.grad is not None}


def split(pairs, sizes, first=0):
    parts = []
    for size in sizes:
        parts.append(collate([pairs[0, index] for index in range(first, first + size)]))
        first += size
    return parts


def scores(task, pairs, micro_batch_size, processes=None):
    """What validation finds on the studies, in steps of six and a last one of a single study."""
    processes = processes or Processes()
    steps = shares_in_order(STUDIES, 6, micro_batch_size, processes)
    batches = loader(pairs, [part for step in steps for part in step], workers=0)
    return validate(task, batches, [len(step) for step in steps], processes)


def assert_alike(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name in theirs:
        # Small entries are sums of terms as large as the largest entry.
        atol = 1e-5 * max(1.0, float(theirs[name].abs().max()))
        assert torch.allclose(ours[name], theirs[name], atol=atol, rtol=1e-4), name


@pytest.mark.parametrize("objective", [EVERY_LOSS, replace(EVERY_LOSS, contrastive="siglip", balance_losses=True)])
def test_micro_batches_give_the_losses_and_gradients_of_the_whole_batch(prepared, tiny_config, tmp_path, objective):
    task, step, pairs = make(prepared, replace(tiny_config, objective=objective), tmp_path / "run")
    (whole,) = split(pairs, [STUDIES])
    losses = task(whole).losses
    losses["loss"].backward()
    expected = gradients_of(task)
    assert "objective.temperature.log_value" in expected
    for sizes in ([STUDIES], [4, 4, 4, 1], [1] * STUDIES):
        task.zero_grad(set_to_none=True)
        found = step.accumulate(split(pairs, sizes), len(sizes))
        assert {name: float(loss.detach()) for name, loss in found.items()} == pytest.approx(
            {name: float(loss.detach()) for name, loss in losses.items()}, rel=1e-4
        )
        assert_alike(gradients_of(task), expected)


def test_a_step_brings_the_temperatures_back_within_their_bounds(prepared, tiny_config, tmp_path):
    task, step, pairs = make(prepared, tiny_config, tmp_path / "run")
    with torch.no_grad():
        task.objective.temperature.log_value.fill_(1.0)
        task.objective.sentence_temperature.log_value.fill_(-9.0)
    step(split(pairs, [4]), 1)
    assert float(task.objective.temperature().detach()) == pytest.approx(HIGHEST)
    assert float(task.objective.sentence_temperature().detach()) == pytest.approx(LOWEST)


@pytest.mark.parametrize(("has_it", "expected"), [(False, torch.float32), (True, torch.bfloat16)])
def test_bf16_is_chosen_only_where_the_gpu_does_not_emulate_it(monkeypatch, has_it, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has_it or including_emulation)
    assert precision_of(OptimizationConfig(), torch.device("cuda")) == expected


def test_a_pass_that_is_taken_again_draws_the_same_random_numbers():
    layer = torch.nn.Sequential(torch.nn.Linear(50, 50), torch.nn.Dropout(0.5))
    data = torch.randn(4, 50)
    gradients, after = [], []
    for keep in (True, False):
        torch.manual_seed(3)
        layer.zero_grad()
        one = Pass(lambda: {"value": layer(data)}, keep, torch.device("cpu"))
        one.outputs["value"].square().sum().backward()
        other = torch.rand(1)
        one.backward()
        gradients.append(layer[0].weight.grad.clone())
        after.append((float(other), float(torch.rand(1))))
    assert torch.equal(*gradients)
    assert after[0] == after[1]


def test_a_step_in_bf16_moves_the_weights_and_fp16_once_its_scale_fits(prepared, tiny_config, tmp_path):
    for precision, patience in (("bf16", 1), ("fp16", 20)):
        optimization = OptimizationConfig(precision=precision, learning_rate=1e-3)
        config = replace(tiny_config, objective=EVERY_LOSS, optimization=optimization)
        task, step, pairs = make(prepared, config, tmp_path / precision)
        before = task.model.image_projector.weight.detach().clone()
        moved = []
        for _ in range(patience):
            losses = step(split(pairs, [4, 4]), 2)
            assert all(value == value for value in losses.values())
            moved.append(not torch.equal(before, task.model.image_projector.weight))
        assert moved[-1]
        assert all(torch.isfinite(parameter).all() for parameter in task.parameters())


def test_validation_finds_the_same_in_micro_batches_and_embeds_the_tags_once(
    prepared, tiny_config, tmp_path, monkeypatch
):
    task, _, pairs = make(prepared, replace(tiny_config, objective=EVERY_LOSS), tmp_path / "run")
    whole = scores(task, pairs, STUDIES)
    assert {"loss", "contrastive", "tags", "sentences", "reconstruction", "tag_auc"} < set(whole)
    calls = []
    embed = task.embed_tags
    monkeypatch.setattr(task, "embed_tags", lambda: calls.append(1) or embed())
    for micro_batch_size in (4, 1):
        assert scores(task, pairs, micro_batch_size) == pytest.approx(whole, rel=1e-4)
    assert len(calls) == 2


def test_checkpointed_activations_give_the_same_gradients_from_less_memory(prepared, tiny_config, tmp_path):
    from pretraining.training.activation_checkpointing import checkpoint_activations

    def run(task, step, pairs):
        kept = {}

        def pack(tensor):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            step.accumulate(split(pairs, [8]), 1)
        return gradients_of(task), sum(kept.values())

    config = replace(tiny_config, objective=EVERY_LOSS)
    plain, plain_bytes = run(*make(prepared, config, tmp_path / "plain"))
    task, step, pairs = make(prepared, config, tmp_path / "checkpointed")
    names = list(task.state_dict())
    checkpoint_activations(task)
    assert list(task.state_dict()) == names
    checkpointed, checkpointed_bytes = run(task, step, pairs)
    assert_alike(checkpointed, plain)
    assert checkpointed_bytes < plain_bytes


def test_the_compiled_encoder_is_the_same_network_in_one_graph(prepared, tiny_config, tmp_path):
    task, step, pairs = make(prepared, replace(tiny_config, objective=EVERY_LOSS), tmp_path / "run")
    names = list(task.state_dict())
    step.accumulate(split(pairs, [4]), 1)
    expected = gradients_of(task)
    task.model.encoder.compile(fullgraph=True, backend="aot_eager")
    task.zero_grad(set_to_none=True)
    step.accumulate(split(pairs, [4]), 1)
    assert_alike(gradients_of(task), expected)
    assert list(task.state_dict()) == names


def _one_of_two(rank, prepared, config, folder, queue):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    task, step, pairs = make(prepared, config, folder / "run", Processes(rank, 2))
    # Unequal shares in unequal micro-batches.
    parts = split(pairs, [4, 3]) if rank == 0 else split(pairs, [6], first=7)
    losses = step.accumulate(parts, len(parts))
    torch.save(
        {
            "losses": {name: float(loss.detach()) for name, loss in losses.items()},
            "gradients": gradients_of(task),
            "scores": scores(task, pairs, 2, Processes(rank, 2)),
        },
        folder / f"{rank}.pt",
    )
    torch.distributed.destroy_process_group()


def test_two_processes_give_the_losses_gradients_and_scores_of_one_on_the_joint_batch(prepared, tiny_config, tmp_path):
    config = replace(tiny_config, objective=EVERY_LOSS)
    mp.start_processes(_one_of_two, (prepared, config, tmp_path, None), nprocs=2, start_method="spawn")
    task, step, pairs = make(prepared, config, tmp_path / "alone")
    losses = step.accumulate(split(pairs, [STUDIES]), 1)
    expected = gradients_of(task)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found["losses"] == pytest.approx({name: float(loss.detach()) for name, loss in losses.items()}, rel=1e-4)
        assert_alike(found["gradients"], expected)
        assert found["scores"] == pytest.approx(scores(task, pairs, STUDIES), rel=1e-4)

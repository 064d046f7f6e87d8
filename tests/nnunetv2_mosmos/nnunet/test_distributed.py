"""Two processes under DistributedDataParallel, as nnU-Net sets it up, but with gloo on CPUs instead of nccl on GPUs."""

import os

import numpy as np
import pytest
import torch
from torch import distributed, multiprocessing, nn

TRAINERS = {
    "nnUNetTrainerMOSMOS": "unet_bundle",
    "nnUNetTrainerMOSMOS_UNETR": "vit_bundle",
    "nnUNetTrainerMOSMOS_anyNetwork": "unet_bundle",
}
JOINT_BATCH = 4


def make_trainer(name: str, bundle: str, files: tuple[dict, dict]):
    """A trainer as `nnUNetv2_train` makes it, not yet initialized."""
    import nnunetv2_mosmos.trainers as trainers

    os.environ["MOSMOS_BUNDLE"] = bundle
    plans, dataset_json = files
    plans["configurations"]["2d"]["batch_size"] = JOINT_BATCH
    return getattr(trainers, name)({**plans, "continue_training": False}, "2d", 0, dataset_json, torch.device("cpu"))


def train(trainer, rank: int, processes: int) -> dict:
    """Two steps, each with a validation, on this process's share of a joint batch."""
    torch.manual_seed(0)
    trainer.initialize()
    share = slice(rank, None, processes)
    for step in range(2):
        generator = torch.Generator().manual_seed(step)
        target = torch.randint(0, 4, (JOINT_BATCH, 1, 24, 24), generator=generator)
        data = torch.randn(JOINT_BATCH, 1, 24, 24, generator=generator)
        scales = trainer._get_deep_supervision_scales()
        targets = [target[share][..., :: round(1 / scale[0]), :: round(1 / scale[1])] for scale in scales]
        trainer.network.train()
        trainer.lr_scheduler.step(step)
        trainer.train_step({"data": data[share], "target": targets})
        if step == 0:
            trained = {name: p for name, p in trainer._bare_network().named_parameters() if p.requires_grad}
            gradients = {name: p.grad.clone() for name, p in trained.items() if p.grad is not None}
        trainer.network.eval()
        with torch.no_grad():
            assert np.isfinite(trainer.validation_step({"data": data[share], "target": targets})["loss"])
    return {
        "gradients": gradients,
        "without_gradient": trained.keys() - gradients.keys(),
        "weights": trainer._bare_network().state_dict(),
    }


def one_of_two(rank: int, bundles: dict[str, str], files: tuple[dict, dict], folder: str) -> None:
    from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as module

    torch.set_num_threads(1)
    module.DDP = lambda network, device_ids: nn.parallel.DistributedDataParallel(network)
    # In a process group nnU-Net takes the GPU of this rank whatever it is told: make the trainers before.
    os.environ["nnUNet_results"] = f"{folder}/results{rank}"
    trainers = {name: make_trainer(name, bundle, files) for name, bundle in bundles.items()}
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    outcomes = {}
    for name, trainer in trainers.items():
        trainer.is_ddp, trainer.local_rank = True, rank
        outcomes[name] = train(trainer, rank, 2)
        trainer.save_checkpoint(f"{folder}/{name}.pth")
    torch.save(outcomes, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two(nnunet_home, request, tmp_path_factory):
    """What each of two processes reports."""
    folder = tmp_path_factory.mktemp("two")
    bundles = {name: str(request.getfixturevalue(bundle).path) for name, bundle in TRAINERS.items()}
    files = (nnunet_home.plans(), nnunet_home.dataset_json())
    multiprocessing.start_processes(one_of_two, (bundles, files, str(folder)), nprocs=2, start_method="spawn")
    return folder, [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


@pytest.mark.parametrize("name", TRAINERS)
def test_two_processes_learn_what_one_learns_from_the_joint_batch(
    two, nnunet_home, empty_results, request, monkeypatch, name
):
    folder, outcomes = two
    # Set by make_trainer, unset again after the test.
    monkeypatch.setenv("MOSMOS_BUNDLE", "")
    bundle = str(request.getfixturevalue(TRAINERS[name]).path)
    alone = make_trainer(name, bundle, (nnunet_home.plans(), nnunet_home.dataset_json()))
    expected = train(alone, 0, 1)
    first, second = (outcome[name] for outcome in outcomes)
    # Alone, nnU-Net leaves out the coarsest output, whose head then learns nothing; in a group every parameter must.
    assert not first["without_gradient"]
    for key, values in expected["gradients"].items():
        torch.testing.assert_close(first["gradients"][key], values, rtol=1e-3, atol=1e-5)
    assert all(torch.equal(values, second["weights"][key]) for key, values in first["weights"].items())
    checkpoint = torch.load(folder / f"{name}.pth", weights_only=False)
    assert checkpoint["network_weights"].keys() == expected["weights"].keys()

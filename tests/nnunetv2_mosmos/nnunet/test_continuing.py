"""`--c` after an interruption, `--val` and `--val_best`."""

import json
from copy import deepcopy
from typing import ClassVar

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as trainer_module

from nnunetv2_mosmos.settings import settings_of
from nnunetv2_mosmos.trainers import nnUNetTrainerMOSMOS
from nnunetv2_mosmos.trainers.schedule import GroupedPolyLRScheduler, Schedule, last_rates

EPOCHS = 20
OURS = "nnUNetTrainerMOSMOS_smoke"


class nnUNetTrainerMOSMOS_interrupted(nnUNetTrainerMOSMOS):  # noqa: N801 (nnU-Net finds it by this name)
    """Saves every epoch, and is interrupted when the epoch `stop` starts."""

    schedule = Schedule(EPOCHS, iterations=1, validation_iterations=1)
    stop = 3
    rates: ClassVar[list[list[float]]] = []
    start: ClassVar[dict] = {}

    def initialize(self):
        super().initialize()
        self.save_every = 1

    def on_train_start(self):
        super().on_train_start()
        state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()["state"]}
        self.start.update(deepcopy(state), epoch=self.current_epoch)

    def on_train_epoch_start(self):
        super().on_train_epoch_start()
        if self.current_epoch == self.stop:
            raise KeyboardInterrupt
        self.rates.append(last_rates(self.optimizer))


def test_an_interrupted_training_goes_on_with_the_rates_and_settings_it_had(
    nnunet_home, attach, unet_bundle, empty_results, train, monkeypatch
):
    trainer = nnUNetTrainerMOSMOS_interrupted
    monkeypatch.setattr(trainer_module, trainer.__name__, trainer, raising=False)
    with attach(nnunet_home, unet_bundle), pytest.raises(KeyboardInterrupt):
        train(trainer.__name__, "2d")
    model = empty_results / "Dataset917_Tiny" / f"{trainer.__name__}__nnUNetPlans__2d"
    settings = settings_of(json.loads((model / "plans.json").read_text()))
    checkpoint = torch.load(model / "fold_0" / "checkpoint_latest.pth", weights_only=False)
    # No bundle is attached any more.
    monkeypatch.setattr(trainer, "stop", 6)
    with pytest.raises(KeyboardInterrupt):
        train(trainer.__name__, "2d", continue_training=True)

    assert trainer.start["epoch"] == 3
    saved = checkpoint["network_weights"]
    assert all(torch.equal(values, saved[name]) for name, values in trainer.start["network"].items())
    for key, state in checkpoint["optimizer_state"]["state"].items():
        assert torch.equal(state["momentum_buffer"], trainer.start["optimizer"][key]["momentum_buffer"])
    groups = [{}, {"rate_scale": 0.1, "warmup_epochs": EPOCHS // 10}]
    never_stopped = torch.optim.SGD([{"params": [torch.zeros(1)], **group} for group in groups], lr=0.01)
    schedule = GroupedPolyLRScheduler(never_stopped, 0.01, EPOCHS)
    assert len(trainer.rates) == 6
    for epoch, rates in enumerate(trainer.rates):
        schedule.step(epoch)
        assert rates == last_rates(never_stopped)
    assert settings_of(json.loads((model / "plans.json").read_text())) == settings


def only_spleen(validation) -> bool:
    files = list(validation.glob("*.nii.gz"))
    assert len(files) == 2
    return all(np.all(sitk.GetArrayFromImage(sitk.ReadImage(file)) == 2) for file in files)


def test_the_best_checkpoint_is_validated_on_demand(results, train):
    fold = results / f"{OURS}__nnUNetPlans__2d" / "fold_0"
    file = fold / "checkpoint_best.pth"
    best = torch.load(file, weights_only=False)
    for name, values in best["network_weights"].items():
        if ".seg_layers." in name and name.endswith("bias"):
            # This checkpoint calls everything a spleen.
            values[2] += 1000
    torch.save(best, file)
    assert not only_spleen(fold / "validation")
    train(OURS, "2d", only_run_validation=True, val_with_best=True)
    assert only_spleen(fold / "validation")


def test_a_model_serves_as_pretrained_weights_of_another_fold(results, nnunet_home, attach, unet_bundle):
    from nnunetv2.run.run_training import get_trainer_from_args, maybe_load_checkpoint

    file = results / f"{OURS}__nnUNetPlans__2d" / "fold_0" / "checkpoint_final.pth"
    with attach(nnunet_home, unet_bundle):
        trainer = get_trainer_from_args("917", "2d", 1, OURS, device=torch.device("cpu"))
        maybe_load_checkpoint(trainer, False, False, str(file))
    expected = torch.load(file, weights_only=False)["network_weights"]
    for name, values in trainer.network.state_dict().items():
        assert ".seg_layers." in name or torch.equal(values, expected[name]), name

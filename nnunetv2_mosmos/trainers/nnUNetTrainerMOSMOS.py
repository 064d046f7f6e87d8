"""The trainer: nnU-Net's own, with a bundle's encoder and pixel-tag attention maps inside."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.helpers import dummy_context
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from torch import Tensor, autocast, nn

from nnunetv2_mosmos.labels.tag_classes import tag_classes
from nnunetv2_mosmos.labels.tags import lateral_lines
from nnunetv2_mosmos.losses.auxiliary_map import AuxiliaryMapLoss
from nnunetv2_mosmos.networks.build import build_network
from nnunetv2_mosmos.settings import KEY, MosmosSettings, Recipe, settings_of
from nnunetv2_mosmos.trainers.map_effect import report_map_effect
from nnunetv2_mosmos.trainers.pretrained import keep_own, load_binding, own_tensors, start_map_bias
from nnunetv2_mosmos.trainers.schedule import GroupedPolyLRScheduler, Schedule, last_rates, parameter_groups
from nnunetv2_mosmos.trainers.start import FreshStart, check_same_settings, fresh_start, stored_settings

# nnU-Net's own default.
DEFAULT_DEVICE = torch.device("cuda")
# nnU-Net's own bound on the gradient's norm.
GRADIENT_NORM = 12


class nnUNetTrainerMOSMOS(nnUNetTrainer):
    """nnU-Net's training of the planned network, started from a bundle and shown pixel-tag attention maps.

    What the network needs beyond the plans goes into `plans["mosmos"]` before nnU-Net's set-up, and from there into the
    results, the checkpoints and zip exports: prediction needs the model folder and this package, no bundle.

    Class attributes that variants change:
        recipe: what is taken from the bundle.
        schedule: length of the training; None for nnU-Net's.
        encoder_rate: learning rate of pretrained weights over that of new ones.
        warmup_epochs: over which the pretrained weights' rate rises; a tenth of the training where that is shorter.
        auxiliary_weight: weight of the auxiliary map loss.
        warms_all: whether the rate of new weights rises, too (transformers).
        mirrors_left_right: whether augmentation and prediction mirror along the patient's left-right axis, as nnU-Net
            does.
    """

    recipe = Recipe()
    schedule: Schedule | None = None
    encoder_rate = 0.1
    warmup_epochs = 10
    auxiliary_weight = 0.5
    warms_all = False
    mirrors_left_right = True

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = DEFAULT_DEVICE,
    ) -> None:
        plans = deepcopy(plans)
        self._restoring = False
        self._start: FreshStart | None = None
        self._own: dict[str, Tensor] = {}
        self.settings = self._choose_settings(plans, configuration, dataset_json, device)
        plans[KEY] = self.settings.to_dict()
        super().__init__(plans, configuration, fold, dataset_json, device)
        if self.schedule is not None:
            self.num_epochs = self.schedule.epochs
            self.num_iterations_per_epoch = self.schedule.iterations
            self.num_val_iterations_per_epoch = self.schedule.validation_iterations
        self.auxiliary_loss: AuxiliaryMapLoss | None = None

    def _choose_settings(
        self, plans: dict[str, Any], configuration: str, dataset_json: dict[str, Any], device: torch.device
    ) -> MosmosSettings:
        """Those of the folds already trained, or else new ones. `--c` and `--val` thereby need no bundle."""
        name = type(self).__name__
        stored = stored_settings(plans, configuration, name)
        if stored is not None:
            return stored
        if not self.recipe.needs_bundle:
            return MosmosSettings(network=self.recipe.network)
        self._start = fresh_start(plans, configuration, dataset_json, self.recipe, name, device)
        return self._start.binding.settings

    @staticmethod
    def build_network_architecture(
        plans_manager: PlansManager,
        configuration_manager: ConfigurationManager,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        """Build the network from `plans["mosmos"]` alone; also called at prediction, on the class.

        Args:
            plans_manager: holds the MOSMOS settings.
            configuration_manager: the planned architecture.
            num_input_channels: image channels and, in a cascade, one-hot labels.
            num_output_channels: segmentation heads.
            enable_deep_supervision: whether the decoder returns a list.
        """
        settings = settings_of(plans_manager.plans)
        return build_network(
            settings, configuration_manager, num_input_channels, num_output_channels, enable_deep_supervision
        )

    def initialize(self) -> None:
        """nnU-Net's set-up; then the bundle's weights, unless a checkpoint is about to replace them."""
        super().initialize()
        if self.settings.maps is not None and self.settings.maps.are_trained:
            classes = tag_classes(
                self.settings.maps.tags,
                self.settings.label_tags or {},
                self.dataset_json["labels"],
                self.label_manager.has_regions,
            )
            self.auxiliary_loss = AuxiliaryMapLoss(classes)
        if not self._restoring and self.recipe.needs_bundle:
            self._load_bundle()

    def _load_bundle(self) -> None:
        start = self._start
        if start is None:
            name = type(self).__name__
            start = fresh_start(
                self.plans_manager.plans,
                self.configuration_name,
                self.dataset_json,
                self.recipe,
                name,
                self.device,
            )
            check_same_settings(self.settings, start.binding.settings, name)
        lateral = lateral_lines(self.settings.label_tags or {}, start.bundle.vocabulary, [self.recipe.network])
        for note in (*start.notes, *(lateral if self.mirrors_left_right else [])):
            self.print_to_log_file(note)
        for module, table in load_binding(self._receiver(), start, self.recipe).items():
            self.print_to_log_file(f"Transferred into the {module}: {table.summary()}")
            self.print_to_log_file("\n".join(table.lines()), also_print_to_console=False, add_timestamp=False)
        if self.auxiliary_loss is not None:
            assert self.settings.maps is not None
            dataset = self.dataset_class(self.preprocessed_dataset_folder, sorted(self.do_split()[0]))
            frequencies = start_map_bias(self._bare_network(), dataset, self.auxiliary_loss.classes)
            shares = dict(zip(self.settings.maps.tags, np.round(frequencies, 5).tolist(), strict=True))
            self.print_to_log_file("Maps of these tags, with the share of voxels of each:", shares)
        # The bundle's tensors are in the network now.
        self._start = None
        self._own = {name: values.cpu().clone() for name, values in own_tensors(self._receiver()).items()}

    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        """nnU-Net's loading (`--c`, `--val`); the checkpoint's weights replace the bundle's, which is not read."""
        self._restoring = True
        super().load_checkpoint(filename_or_checkpoint)
        self._own = {}

    def on_train_start(self) -> None:
        """nnU-Net's start; tags that `-pretrained_weights` replaced by others are this run's again."""
        super().on_train_start()
        if keep_own(self._receiver(), self._own):
            self.print_to_log_file("The pretrained weights have other tags: this run keeps those of its own bundle")
        self._own = {}

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, GroupedPolyLRScheduler]:
        """nnU-Net's SGD and poly schedule, at a lower rate and with a warm-up for pretrained weights."""
        optimizer = torch.optim.SGD(
            self._parameter_groups(), self.initial_lr, weight_decay=self.weight_decay, momentum=0.99, nesterov=True
        )
        return optimizer, GroupedPolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        warmup = min(self.warmup_epochs, self.num_epochs // 10)
        return parameter_groups(
            self._bare_network(), self.settings.pretrained_parts, self.encoder_rate, warmup, self.warms_all
        )

    def on_train_epoch_start(self) -> None:
        """nnU-Net's start of an epoch; logs the rates that differ from the one it logs itself."""
        super().on_train_epoch_start()
        rates = last_rates(self.optimizer)
        if len(rates) > 1:
            self.print_to_log_file(f"Current learning rate of pretrained weights: {rates[1]:.6f}")

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """nnU-Net's training step, with the auxiliary map loss added.

        Returns:
            `loss` is the segmentation loss, comparable with that of plain nnU-Net and with the validation loss;
            `auxiliary_loss` the unweighted map loss (0 without maps).
        """
        data = batch["data"].to(self.device, non_blocking=True)
        target = batch["target"]
        target = (
            [entry.to(self.device, non_blocking=True) for entry in target]
            if isinstance(target, list)
            else target.to(self.device, non_blocking=True)
        )
        self.optimizer.zero_grad(set_to_none=True)
        with autocast("cuda", enabled=True) if self.device.type == "cuda" else dummy_context():
            output, map_logits = self.network(data, return_maps=True)
            loss = self.loss(output, target)
        auxiliary = torch.zeros_like(loss)
        if map_logits is not None:
            assert self.auxiliary_loss is not None
            auxiliary = self.auxiliary_loss(map_logits, target[0] if isinstance(target, list) else target)
        self._update(loss + self.auxiliary_weight * auxiliary)
        return {"loss": loss.detach().cpu().numpy(), "auxiliary_loss": auxiliary.detach().cpu().numpy()}

    def _update(self, loss: Tensor) -> None:
        """One step of the optimizer."""
        scaler = self.grad_scaler
        (loss if scaler is None else scaler.scale(loss)).backward()
        if scaler is not None:
            scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        if scaler is None:
            self.optimizer.step()
        else:
            scaler.step(self.optimizer)
            scaler.update()

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """nnU-Net's end of a training epoch; logs the auxiliary loss, which nnU-Net's plots have no curve for."""
        super().on_train_epoch_end(train_outputs)
        if self.auxiliary_loss is not None:
            mean = np.mean([output["auxiliary_loss"] for output in train_outputs])
            self.print_to_log_file("auxiliary_map_loss", np.round(mean, decimals=4))

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """nnU-Net's final validation; then what the maps were worth (see `map_effect`)."""
        super().perform_actual_validation(save_probabilities)
        if self.settings.maps is not None and self.local_rank == 0:
            report_map_effect(self, self._bare_network())

    def _receiver(self) -> Any:
        """The module whose `encoder`, `pixel_projector` and `tag_embeddings` the bundle fills."""
        return self._bare_network()

    def _bare_network(self) -> Any:
        """The network below DistributedDataParallel and torch.compile."""
        network = self.network.module if isinstance(self.network, nn.parallel.DistributedDataParallel) else self.network
        return getattr(network, "_orig_mod", network)

"""A trained model folder that segments one image after another."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnunetv2_mosmos.labels.tags import foreground_labels
from nnunetv2_mosmos.selftraining.scans import Lie, lie_of
from pretraining.errors import UserError


class Network:
    """nnU-Net's predictor in three steps, with labels left out on demand.

    `read` and `segment` resample on the CPU; any number of threads may run them while `predict` runs in one.

    Args:
        predictor: an nnUNetPredictor that holds a network.
        sample: the files, one a channel, of a case of the dataset: images are written as these lie.

    Attributes:
        dataset_json: of the dataset that the network was trained on.
        lie: of that dataset's images.

    Raises:
        UserError: the network needs another one's segmentation, or nobody knows how its images lie.
    """

    def __init__(self, predictor: Any, sample: Sequence[str]) -> None:
        plans, configuration = predictor.plans_manager, predictor.configuration_manager
        if (previous := configuration.previous_stage_name) is not None:
            raise UserError(f"the model needs the segmentation of {previous}: label images with one that needs none")
        self._predictor = predictor
        self._managers = plans, configuration
        self.dataset_json: dict[str, Any] = predictor.dataset_json
        self._reader = plans.image_reader_writer_class()
        self._labels = plans.get_label_manager(self.dataset_json)
        self.lie: Lie = lie_of(self._reader.read_images(sample)[1], plans, configuration, self.dataset_json)

    @classmethod
    def of_model(
        cls, model: Path, folds: Sequence[int | str], checkpoint: str, sample: Sequence[str], device: torch.device
    ) -> Network:
        """The networks of some folds, averaged.

        Args:
            model: folder of a trainer, plans and configuration in `nnUNet_results`.
            folds: trained ones.
            checkpoint: file name.
            sample: as above.
            device: to segment on.

        Raises:
            UserError: a fold has no such checkpoint, or see above.
        """
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

        if not folds:
            raise UserError("--folds names no fold: give those whose networks shall label")
        for fold in folds:
            if not (file := model / f"fold_{fold}" / checkpoint).is_file():
                raise UserError(f"{file} is missing: train this fold with nnUNetv2_train first")
        # nnU-Net prints what nobody asked for.
        with redirect_stdout(io.StringIO()):
            on_device = device.type == "cuda"
            predictor = nnUNetPredictor(device=device, perform_everything_on_device=on_device, allow_tqdm=False)
            predictor.initialize_from_trained_model_folder(str(model), tuple(folds), checkpoint)
        return cls(predictor, sample)

    def read(self, files: Sequence[Path]) -> tuple[Tensor, dict[str, Any]]:
        """An image `(C, *P)` as the network takes it, and its properties, as nnU-Net calls what undoes that."""
        plans, configuration = self._managers
        image, properties = self._reader.read_images([str(file) for file in files])
        preprocessor = configuration.preprocessor_class(verbose=False)
        cropped, _, properties = preprocessor.run_case_npy(
            image, None, properties, plans, configuration, self.dataset_json
        )
        return torch.from_numpy(cropped), properties

    def predict(self, image: Tensor) -> Tensor:
        """Logits `(K, *P)` of an image from `read`, on the CPU."""
        logits: Tensor = self._predictor.predict_logits_from_preprocessed_data(image).cpu()
        return logits

    def segment(
        self, logits: Tensor, properties: dict[str, Any], without: Collection[str] = ()
    ) -> tuple[NDArray[np.integer[Any]], set[str]]:
        """The segmentation of an image.

        Args:
            logits: `(K, *P)`, from `predict`.
            properties: from `read`.
            without: labels that cannot be in it: their voxels go to whatever else is likeliest.

        Returns:
            `(*S,)`, label values; and which of `without` the network had found.
        """
        from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape

        plans, configuration = self._managers
        found = convert_predicted_logits_to_segmentation_with_correct_shape(
            logits, plans, configuration, self._labels, properties, return_probabilities=bool(without)
        )
        if not without:
            return found, set()
        segmentation, probabilities = found
        ruled_out = self.shown(segmentation).intersection(without)
        if ruled_out:
            for channel, name in self._channels().items():
                if name in without:
                    probabilities[channel] = -1
            segmentation = self._labels.convert_probabilities_to_segmentation(probabilities)
        return segmentation, ruled_out

    def shown(self, segmentation: NDArray[Any]) -> set[str]:
        """The labels that a segmentation shows."""
        values = set(np.unique(segmentation).tolist())
        labels = foreground_labels(self.dataset_json["labels"])
        return {name for name, own in labels.items() if not values.isdisjoint(own)}

    def write(self, segmentation: NDArray[Any], file: Path, properties: dict[str, Any]) -> None:
        """Write a segmentation in the geometry of its image."""
        self._reader.write_seg(segmentation, str(file), properties)

    def _channels(self) -> dict[int, str]:
        """Names of the labels by channel of the network's output; background is no label."""
        names = foreground_labels(self.dataset_json["labels"])
        if self._labels.has_regions:
            return dict(enumerate(names))
        return {values[0]: name for name, values in names.items()}

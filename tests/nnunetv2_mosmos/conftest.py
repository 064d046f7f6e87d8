"""One tiny nnU-Net home and one tiny bundle for all tests: planning and preprocessing happen once a session."""

import json
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

# nnU-Net reads this one when it is imported.
os.environ["nnUNet_def_n_proc"] = "1"

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch.nn import functional

from nnunetv2_mosmos.attach.attachment import Attachment, write_attachment
from nnunetv2_mosmos.discovery import EXTERNAL_TRAINERS
from pretraining.bundle.bundle import Bundle, write_bundle
from pretraining.bundle.info import BundledTag, BundleInfo
from pretraining.heads.recognition import CosineAttentionRecognition
from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.encoder import build_encoder
from pretraining.image.normalization import Normalization
from pretraining.image.pixel_projector import PixelProjector
from pretraining.image.spec import EncoderSpec, cumulative_strides, feature_channels, map_stage_of
from pretraining.image.vit import vit_arguments
from pretraining.tags.vocabulary import load_vocabulary

DATASET = "Dataset917_Tiny"
LABELS = {"background": 0, "liver": 1, "spleen": 2, "kidney_left": 3}
EXTENT = 24
BUNDLE_TAGS = ("liver", "spleen", "kidney_left", "kidney_right", "brain")


@dataclass(frozen=True)
class NnunetHome:
    """nnU-Net's three folders with one dataset, planned and preprocessed for 2d and 3d_fullres."""

    raw: Path
    preprocessed: Path
    results: Path

    @property
    def dataset(self) -> Path:
        """The dataset's preprocessed folder."""
        return self.preprocessed / DATASET

    def plans(self) -> dict:
        return json.loads((self.dataset / "nnUNetPlans.json").read_text())

    def dataset_json(self) -> dict:
        return json.loads((self.dataset / "dataset.json").read_text())

    def model(self, trainer: str, configuration: str) -> Path:
        return self.results / DATASET / f"{trainer}__nnUNetPlans__{configuration}"


def tiny_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A volume with one cuboid a label and its segmentation."""
    generator = np.random.default_rng(seed)
    labels = np.zeros((EXTENT,) * 3, np.uint8)
    for value, corner in ((1, (3, 3, 3)), (2, (14, 3, 12)), (3, (12, 14, 4))):
        start = np.array(corner) + generator.integers(-1, 2, 3)
        labels[tuple(slice(begin, begin + 7) for begin in start)] = value
    image = 40.0 * labels + generator.normal(0, 5, labels.shape)
    return image.astype(np.float32), labels


def write_tiny_dataset(folder: Path, cases: int) -> None:
    (folder / "imagesTr").mkdir(parents=True)
    (folder / "labelsTr").mkdir()
    for case in range(cases):
        image, labels = tiny_case(case)
        sitk.WriteImage(sitk.GetImageFromArray(image), folder / "imagesTr" / f"case{case}_0000.nii.gz")
        sitk.WriteImage(sitk.GetImageFromArray(labels), folder / "labelsTr" / f"case{case}.nii.gz")
    description = {"channel_names": {"0": "MR"}, "labels": LABELS, "numTraining": cases, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(description))


def make_bundle(folder: Path, spec: EncoderSpec, embedding_dim: int = 16, **fields) -> Bundle:
    """A bundle with random weights."""
    torch.manual_seed(7)
    encoder = build_encoder(spec)
    strides = cumulative_strides(spec)
    stage = map_stage_of(strides)
    projector = PixelProjector(feature_channels(spec), strides, stage, embedding_dim, spec.dim)
    recognition = CosineAttentionRecognition(embedding_dim, attention_temperature=0.07)
    info = BundleInfo(
        encoder=spec,
        map_stage=stage,
        map_stride=strides[stage],
        embedding_dim=embedding_dim,
        image_size=(32,) * spec.dim,
        temperature=0.07,
        attention_temperature=0.07,
        tags=tuple(BundledTag(tag, (f"the {tag}",), 0 if tag == "spleen" else 9) for tag in BUNDLE_TAGS),
        vocabulary=load_vocabulary().to_dict(),
        text_encoder={"id": "none", "hash": ""},
        **{"normalization": Normalization(), **fields},
    )
    tensors = {
        **{f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()},
        **{f"pixel_projector.{name}": tensor for name, tensor in projector.state_dict().items()},
        **{f"recognition.{name}": tensor for name, tensor in recognition.state_dict().items()},
        "tag_embeddings": functional.normalize(torch.randn(len(BUNDLE_TAGS), embedding_dim), dim=1),
    }
    return write_bundle(folder, info, tensors)


class _ThreadContext:
    """A start method whose pools are threads."""

    Pool = ThreadPool

    def __init__(self, context) -> None:
        self._context = context

    def __getattr__(self, name):
        return getattr(self._context, name)


@contextmanager
def threads_for_processes() -> Iterator[None]:
    """nnU-Net spawns a pool for every little thing, and each worker imports for seconds: use threads instead."""
    real = multiprocessing.get_context
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "get_context", lambda method=None: _ThreadContext(real(method)))
        yield


@pytest.fixture(scope="session")
def threads():
    """`with threads(): ...` runs nnU-Net's pools as threads."""
    return threads_for_processes


@pytest.fixture(scope="session")
def bundle_of():
    """`bundle_of(folder, spec)` writes a bundle with random weights."""
    return make_bundle


@pytest.fixture(scope="session")
def unet_bundle(tmp_path_factory) -> Bundle:
    """A 2D PlainConv encoder of three stages, as nnU-Net plans for 24 pixels."""
    spec = EncoderSpec("plainconv", 2, 1, convolutional_arguments("plainconv", 2, 3))
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny-unet", spec)


@pytest.fixture(scope="session")
def vit_bundle(tmp_path_factory) -> Bundle:
    """A 2D vision transformer of two blocks."""
    arguments = {**vit_arguments("small", 2, 32, 4), "hidden_size": 24, "mlp_dim": 48, "num_layers": 2, "taps": [0, 1]}
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny-vit", EncoderSpec("vit", 2, 1, arguments))


@pytest.fixture(scope="session")
def nnunet_home(tmp_path_factory) -> NnunetHome:
    """Set up nnU-Net's folders, and point its environment variables at them, for the whole session."""
    root = tmp_path_factory.mktemp("nnunet")
    home = NnunetHome(root / "raw", root / "preprocessed", root / "results")
    variables = {"nnUNet_raw": home.raw, "nnUNet_preprocessed": home.preprocessed, "nnUNet_results": home.results}
    # Trainers are found in a bare checkout, too, where no startup file answers for their names.
    variables |= {"nnUNet_n_proc_DA": "1", "nnUNet_extTrainer": EXTERNAL_TRAINERS}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, str(value))
        patch.delenv("MOSMOS_BUNDLE", raising=False)
        for folder in (home.raw, home.preprocessed, home.results):
            folder.mkdir()
        write_tiny_dataset(home.raw / DATASET, cases=6)
        with threads_for_processes():
            _plan_and_preprocess(int(DATASET[7:10]))
        yield home


def _plan_and_preprocess(dataset: int) -> None:
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    api.extract_fingerprints([dataset], num_processes=1, show_progress_bar=False)
    api.plan_experiments([dataset])
    api.preprocess([dataset], configurations=("2d", "3d_fullres"), num_processes=(1, 1), show_progress_bar=False)


@contextmanager
def attachment_of(home: NnunetHome, source: Bundle, **fields) -> Iterator[NnunetHome]:
    """Attach a bundle to the dataset for a while; `fields` replace those of the attachment."""
    tags = {name: name for name in LABELS if name != "background"}
    fields = {"bundle": source.path, "sha256": source.info.weights_sha256, "label_tags": tags, **fields}
    file = write_attachment(home.dataset, Attachment(**fields))
    try:
        yield home
    finally:
        file.unlink()


@pytest.fixture(scope="session")
def attach():
    """`with attach(home, bundle): ...`."""
    return attachment_of


@pytest.fixture
def attached(nnunet_home, unet_bundle):
    """nnU-Net's folders with the U-Net bundle attached."""
    with attachment_of(nnunet_home, unet_bundle):
        yield nnunet_home


@pytest.fixture(scope="session")
def with_network():
    """`with_network(plans, "OwnNetwork")`: plans whose configurations name a user's own network class."""

    def rename(plans: dict, name: str, **arguments) -> dict:
        for configuration, dim in (("2d", 2), ("3d_fullres", 3)):
            plans["configurations"][configuration]["architecture"] = {
                "network_class_name": f"foreign_network.{name}",
                "arch_kwargs": {"dim": dim, **arguments},
                "_kw_requires_import": [],
            }
        return plans

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent / "foreign")
        yield rename

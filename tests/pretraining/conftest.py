"""A tiny prepared folder and one short run on it, shared by the tests of training, bundles and maps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pretraining.studies.arrays import write_array
from pretraining.studies.manifest import Study, write_manifest
from pretraining.tags.vocabulary import load_vocabulary
from pretraining.training.config import ImageConfig, OptimizationConfig, TextConfig, TrainConfig
from pretraining.training.loop import Runtime

CENTERS = {"liver": (9, 8), "spleen": (9, 24), "kidney_left": (22, 22), "kidney_right": (22, 10)}
SIDE = 32


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """40 pictures of bright squares at the places of four organs, with reports that name most of those shown."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    studies = []
    for number in range(40):
        image = random.normal(0, 0.2, (1, SIDE, SIDE)).astype(np.float32)
        tags, sentences = {}, {}
        for tag, (row, column) in CENTERS.items():
            size, shown = int(random.integers(2, 5)), random.random() < 0.6
            name = " ".join(reversed(tag.split("_")))
            if shown:
                image[0, row - size : row + size, column - size : column + size] += 1
            if random.random() < 0.8:
                tags[tag] = "present" if shown else "absent"
                sentences[tag] = (f"The {name} is {'large' if size > 3 else 'small' if shown else 'not visualized'}.",)
        write_array(folder / f"images/{number}.b2nd", image, {})
        report = " ".join(text for spoken in sentences.values() for text in spoken) or "Unremarkable study."
        studies.append(
            Study(
                id=f"study{number}",
                patient=f"CANARY-PATIENT-{number}",
                split="train" if number < 32 else "val",
                images=(f"images/{number}.b2nd",),
                report=report,
                tags=tags,
                regions=("abdomen",),
                sentences=sentences,
            )
        )
    write_manifest(folder, studies)
    (folder / "vocabulary.json").write_text(json.dumps(load_vocabulary().to_dict()))
    return folder


@pytest.fixture(scope="session")
def tiny_config() -> TrainConfig:
    """The smallest run: three stages, two epochs of four steps."""
    return TrainConfig(
        image=ImageConfig(stages=3, image_size=(SIDE, SIDE), embedding_dim=16, map_stride=4),
        text=TextConfig(scratch_hidden_size=32, scratch_layers=1),
        optimization=OptimizationConfig(epochs=2, batch_size=8, learning_rate=1e-3),
    )


@pytest.fixture(scope="session")
def on_cpu() -> Runtime:
    """Reads and computes in the test's process."""
    return Runtime(torch.device("cpu"), workers=0, checkpoint_steps=3)


@pytest.fixture(scope="session")
def finished_run(prepared, tiny_config, on_cpu, tmp_path_factory) -> Path:
    """The folder of a finished tiny run."""
    from pretraining.training.pretrain import pretrain

    folder = tmp_path_factory.mktemp("runs") / "finished"
    pretrain(prepared, folder, tiny_config, on_cpu)
    return folder


@pytest.fixture(scope="session")
def volume_run(on_cpu, tmp_path_factory) -> Path:
    """The folder of the shortest 3D run: two steps on four volumes."""
    from pretraining.training.pretrain import pretrain

    folder = tmp_path_factory.mktemp("volumes")
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    studies = []
    for number in range(6):
        write_array(folder / f"images/{number}.b2nd", random.normal(size=(1, 16, 16, 16)).astype(np.float32), {})
        sentence = f"The spleen is {'small' if number % 2 else 'large'}."
        studies.append(
            Study(
                id=f"study{number}",
                patient=f"CANARY-PATIENT-{number}",
                split="train" if number < 4 else "val",
                images=(f"images/{number}.b2nd",),
                report=sentence,
                tags={"liver": "absent" if number % 2 else "present", "spleen": "present"},
                regions=("abdomen",),
                sentences={"spleen": (sentence,)},
            )
        )
    write_manifest(folder, studies)
    (folder / "vocabulary.json").write_text(json.dumps(load_vocabulary().to_dict()))
    config = TrainConfig(
        image=ImageConfig(dim=3, stages=3, image_size=(16, 16, 16), embedding_dim=16, map_stride=4),
        text=TextConfig(scratch_hidden_size=32, scratch_layers=1),
        optimization=OptimizationConfig(epochs=1, batch_size=2),
    )
    pretrain(folder, folder / "run", config, on_cpu)
    return folder / "run"


@pytest.fixture(scope="session")
def volume_bundle(volume_run, tmp_path_factory):
    """The bundle of the 3D run."""
    from pretraining.training.export import export_run

    return export_run(volume_run, tmp_path_factory.mktemp("bundles") / "volumes", "latest", "CC0-1.0")


@pytest.fixture(scope="session")
def bundle(finished_run, tmp_path_factory):
    """The bundle of the finished run."""
    from pretraining.training.export import export_run

    return export_run(finished_run, tmp_path_factory.mktemp("bundles") / "tiny", "latest", "CC0-1.0")

import pytest
import torch

from benchmarks.label_efficiency.batches import shared_batches


class Trainer:
    """Takes three batches to train on and one to validate, as nnU-Net's does."""

    inference_allowed_mirroring_axes = None

    def __init__(self, seed, scales):
        self.generator = torch.Generator().manual_seed(seed)
        self.scales = scales

    def get_dataloaders(self):
        # nnU-Net's, too, decides it here.
        self.inference_allowed_mirroring_axes = (0, 1)
        return self._loader(), self._loader()

    def _loader(self):
        while True:
            labels = [torch.randint(3, (2, 1, size, size), generator=self.generator) for size in (8, 4)]
            data = torch.rand(2, 1, 8, 8, generator=self.generator)
            yield {"data": data, "target": labels if self.scales else labels[0], "keys": ["a", "b"]}

    def run_training(self):
        train, val = self.get_dataloaders()
        batches = [next(train), next(train), next(val), next(train)]
        targets = (batch["target"] if self.scales else [batch["target"]] for batch in batches)
        return [tensor for batch, target in zip(batches, targets, strict=True) for tensor in (batch["data"], *target)]


@pytest.mark.parametrize("scales", [True, False])
def test_a_second_trainer_gets_the_first_ones_batches(tmp_path, scales):
    file = tmp_path / "batches" / "n4.pt"
    seen = []
    for seed in (1, 2):
        trainer = Trainer(seed, scales)
        with shared_batches(trainer, file):
            seen.append(trainer.run_training())
        assert trainer.inference_allowed_mirroring_axes == (0, 1)
    assert len(seen[0]) == 4 * (3 if scales else 2)
    assert all(map(torch.equal, *seen))
    assert not all(map(torch.equal, seen[0], Trainer(2, scales).run_training()))


def test_a_training_that_fails_leaves_no_batches(tmp_path):
    with pytest.raises(RuntimeError, match="diverged"), shared_batches(Trainer(1, True), tmp_path / "n4.pt"):
        raise RuntimeError("diverged")
    assert list(tmp_path.iterdir()) == []

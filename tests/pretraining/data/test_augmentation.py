import numpy as np
import torch

from pretraining.data.augmentation import Augmentation

IMAGE = torch.zeros(1, 32, 32)
IMAGE[0, 8:24, 4:12] = 1


def test_the_seed_alone_decides_and_the_global_generators_go_on_undisturbed():
    augmentation = Augmentation((32, 32))
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    expected = (np.random.random(), float(torch.rand(1)))  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    first = augmentation(IMAGE, (0, 1, 2))
    assert (np.random.random(), float(torch.rand(1))) == expected  # noqa: NPY002
    assert torch.equal(first, augmentation(IMAGE, (0, 1, 2)))
    assert any(not torch.equal(first, augmentation(IMAGE, (0, 1, study))) for study in range(3, 9))


def test_left_stays_left():
    augmentation = Augmentation((32, 32))
    for study in range(40):
        augmented = augmentation(IMAGE, (0, 0, study))[0]
        assert augmented[:, :16].sum() > augmented[:, 16:].sum()

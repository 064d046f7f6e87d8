"""`TRAINER_NAMES` and the classes agree."""

import inspect

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_mosmos import trainers
from nnunetv2_mosmos.discovery import TRAINER_NAMES, find_trainer


def test_every_exported_trainer_is_announced_and_every_announced_one_exists():
    exported = {name for name, value in vars(trainers).items() if inspect.isclass(value) and name.startswith("nnUNet")}
    assert exported - {"nnUNetTrainer"} == set(TRAINER_NAMES)


def test_each_name_gives_a_trainer_of_that_name():
    for name in TRAINER_NAMES:
        trainer = find_trainer(name)
        assert trainer.__name__ == name
        assert issubclass(trainer, nnUNetTrainer)

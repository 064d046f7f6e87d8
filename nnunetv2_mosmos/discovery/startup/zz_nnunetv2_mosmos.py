"""Lets nnU-Net find the MOSMOS trainers by name, without a change to nnU-Net and without importing anything early.

Installed beside the packages and run at the start of every Python process by `zz_nnunetv2_mosmos.pth` (Python 3.15 and
later: `zz_nnunetv2_mosmos.start`). nnU-Net looks for a trainer by asking its modules `hasattr(module, NAME)`, first of
all the module `nnunetv2.training.nnUNetTrainer.nnUNetTrainer`. `register` waits for that module to be imported and then
gives it a module-level `__getattr__` (PEP 562) that imports `nnunetv2_mosmos` when, and only when, a name that starts
like one of our trainers' is asked for.

This file must not import anything: it runs in processes that have nothing to do with nnU-Net.
"""

import sys

TRAINER_MODULE = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
TRAINER_PREFIX = "nnUNetTrainerMOSMOS"


def register():
    """Start waiting for nnU-Net's trainer module. Calling it again changes nothing."""
    if TrainerModuleFinder not in sys.meta_path:
        # First, because the ordinary finders would answer before us.
        sys.meta_path.insert(0, TrainerModuleFinder)


class TrainerModuleFinder:
    """Meta path finder that answers for one module only, with what the other finders say about it."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        """See `importlib.abc.MetaPathFinder.find_spec`."""
        if fullname != TRAINER_MODULE:
            return None
        for finder in sys.meta_path:
            # Like Python, pass over finders of other packages that know only the protocol from before Python 3.4.
            find_spec = getattr(finder, "find_spec", None)
            spec = None if finder is cls or find_spec is None else find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = TrainerModuleLoader(spec.loader)
                return spec
        return None


class TrainerModuleLoader:
    """Loads the trainer module as its own loader does, adds the `__getattr__`, and leaves the stage to that loader."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        """See `importlib.abc.Loader.exec_module`."""
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        add_trainers(module)


def add_trainers(module):
    """Give nnU-Net's trainer module a `__getattr__` that knows our trainers; one that it has already is asked last."""
    inherited = module.__dict__.get("__getattr__")

    def module_getattr(name):
        if name.startswith(TRAINER_PREFIX):
            trainer = find_trainer(name)
            if trainer is not None:
                return trainer
        if inherited is not None:
            return inherited(name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    module.__getattr__ = module_getattr


def find_trainer(name):
    """The MOSMOS trainer class of that name, or None when there is none."""
    try:
        from nnunetv2_mosmos.discovery import find_trainer
    except ModuleNotFoundError as error:
        if error.name not in ("nnunetv2_mosmos", "nnunetv2_mosmos.discovery"):
            raise
        raise ImportError(
            f"cannot look for the trainer {name}: MOSMOS for nnU-Net is only partly installed ({__file__} is there, "
            f"the package nnunetv2_mosmos is not); install it again, or run `pip uninstall nnunetv2-mosmos`"
        ) from error
    return find_trainer(name)

"""Seeds: who is drawn from what, so that no patient of one set is in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import SeedSequence

from pretraining.phantom.patient import Habits, Patient, draw_patient

NAMES = ("train", "heldout", "labelled", "labelledtest")
"""The sets; their place here is part of every seed."""


@dataclass(frozen=True)
class Stream:
    """The seeds of one set of patients.

    Attributes:
        seed: the user's. name: one of `NAMES`.
    """

    seed: int
    name: str

    def patient(self, number: int, habits: Habits) -> Patient:
        """The body of patient `number`."""
        return draw_patient(np.random.default_rng(self._sequence(0, number)), habits)

    def study(self, number: int) -> SeedSequence:
        """Seed of the acquisition of study `number`."""
        return self._sequence(1, number)

    def report(self, number: int) -> SeedSequence:
        """Seed of the report of study `number`."""
        return self._sequence(2, number)

    def window(self, number: int) -> SeedSequence:
        """Seed of the display window of study `number`."""
        return self._sequence(3, number)

    def _sequence(self, purpose: int, number: int) -> SeedSequence:
        return SeedSequence(self.seed, spawn_key=(NAMES.index(self.name), purpose, number))

import numpy as np
import pytest

from pretraining.phantom.acquisition import Protocol
from pretraining.phantom.appearance import Look
from pretraining.phantom.patient import Habits, draw_patient
from pretraining.phantom.study import Population
from pretraining.tags.vocabulary import load_vocabulary


@pytest.fixture(scope="session")
def vocabulary():
    return load_vocabulary()


@pytest.fixture(scope="session")
def reference_body():
    """The body without any variation."""
    return draw_patient(
        np.random.default_rng(0), Habits(spread=0, removals=0, sizes=0, densities=0, lesions=0, effusions=0)
    )


@pytest.fixture(scope="session")
def population():
    """Small slices of every region, CT and MR."""
    return Population(habits=Habits(), protocol=Protocol(size=(64, 64), spacing=(6.0, 6.0)), look=Look())

"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

# Before transformers is imported: no test reaches a network.
os.environ["HF_HUB_OFFLINE"] = "1"

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of the repository."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared_data(checkout) -> Path:
    """The folder of small real data sets beside the checkout; tests that need it are skipped, visibly, without it."""
    folder = checkout.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist")
    return folder

"""Train, val and test by patient: in all but small sets, a patient stays in its split whatever is added later."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from pretraining.studies.records import Record, Reject

_NAMES = {
    "train": ("train", "training", "tr"),
    "val": ("val", "valid", "validate", "validation", "dev"),
    "test": ("test", "testing", "ts"),
}
_BY_NAME = {name: split for split, names in _NAMES.items() for name in names}


def split_name(text: str) -> str | None:
    """`train`, `val` or `test` for a written split, empty for empty, None for what is not known."""
    return _BY_NAME.get(text.strip().lower()) if text.strip() else ""


def assign_splits(patients: Iterable[str], val_fraction: float, test_fraction: float, seed: int) -> dict[str, str]:
    """Assign every patient to a split.

    A patient's place follows from the hash of id and seed alone, so that new patients do not move old ones. A set too
    small for its fraction gives one patient to the split that would be empty, as long as one is left to train: there, a
    patient's place depends on the others.

    Args:
        patients: ids.
        val_fraction: share of patients in `val`, 0 to 1.
        test_fraction: share of patients in `test`; both together below 1.
        seed: another seed, another split.

    Returns:
        patient id -> split.
    """
    places = {patient: _place(patient, seed) for patient in patients}
    splits = {
        patient: "val" if place < val_fraction else "test" if place >= 1 - test_fraction else "train"
        for patient, place in places.items()
    }
    for split, fraction, nearest in (("val", val_fraction, min), ("test", test_fraction, max)):
        training = [patient for patient, assigned in splits.items() if assigned == "train"]
        if fraction > 0 and split not in splits.values() and len(training) > 1:
            splits[nearest(training, key=lambda patient: (places[patient], patient))] = split
    return splits


def _place(patient: str, seed: int) -> float:
    """A number in [0, 1) that is uniform over patients."""
    digest = hashlib.sha256(f"{seed}:{patient}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def settle_given_splits(records: Sequence[Record]) -> tuple[list[Record], list[Reject]]:
    """Make given splits agree for every patient.

    Where a patient's studies were given to several splits, the one that is held out the most keeps its studies (test
    before val before train), so that no score is flattered, and the others are rejected.

    Args:
        records: studies with patients; `split` is empty where the input does not say.
    """
    held_out = {"test": 2, "val": 1, "train": 0, "": -1}
    settled: dict[str, str] = {}
    for record in records:
        settled[record.patient] = max(settled.get(record.patient, ""), record.split, key=held_out.__getitem__)
    kept: list[Record] = []
    rejects: list[Reject] = []
    for record in records:
        split = settled[record.patient]
        if record.split in ("", split):
            kept.append(record)
        else:
            reason = (
                f"patient '{record.patient}' is in two splits, '{record.split}' and '{split}': "
                f"only the studies in '{split}' are kept"
            )
            rejects.append(Reject(record.id, "", reason))
    return kept, rejects

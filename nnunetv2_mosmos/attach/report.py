"""What `nnUNetv2_mosmos_attach` tells about a bundle and a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnunetv2_mosmos.attach.binding import Binding
from nnunetv2_mosmos.attach.checks import SMALLEST_SHARE
from pretraining.bundle.bundle import Bundle
from pretraining.tags.vocabulary import Vocabulary


def label_lines(label_tags: Mapping[str, str | None], bundle: Bundle, vocabulary: Vocabulary) -> list[str]:
    """One line a label: its tag, and in how many pretraining studies the bundle saw it.

    Args:
        label_tags: tag by foreground label.
        bundle: counts the studies.
        vocabulary: tells which tag a label without one would have had.
    """
    studies = {tag.id: tag.studies for tag in bundle.info.tags}
    width = max((len(label) for label in label_tags), default=0)
    lines = []
    for label, tag in label_tags.items():
        if tag is None:
            named = vocabulary.resolve_label(label)
            why = f"the bundle has no embedding of its tag '{named}'" if named else "no tag fits its name"
            lines.append(f"{label:<{width}}  no tag: {why}; it gets no map")
        else:
            warning = (
                "" if studies[tag] else "  WARNING: no report of the pretraining mentions it, its map is untrained"
            )
            lines.append(f"{label:<{width}}  {tag} (present in {studies[tag]} studies){warning}")
    return lines


def configuration_lines(configuration: str, binding: Binding, verbose: bool) -> list[str]:
    """What transfers into one configuration.

    Args:
        configuration: its name.
        binding: what the bundle gives it.
        verbose: add the whole tables.
    """
    lines = []
    if binding.settings.network == "any":
        lines.append(f"{configuration}: train nnUNetTrainerMOSMOS_anyNetwork: the plans name a network of another make")
    lines.append(f"{configuration}: encoder: {binding.encoder.table.summary()}")
    if binding.encoder.table.share < SMALLEST_SHARE:
        lines.append(
            f"{configuration}: WARNING: the trainer refuses less than {100 * SMALLEST_SHARE:.0f} % without --force"
        )
    if binding.projector is not None:
        lines.append(f"{configuration}: pixel projector: {binding.projector.table.summary()}")
    lines += [f"{configuration}: {note}" for note in binding.notes]
    if verbose:
        tables = [binding.encoder.table, *([binding.projector.table] if binding.projector else [])]
        lines += [f"    {line}" for table in tables for line in table.lines()]
    return lines


def untagged(label_tags: Mapping[str, str | None]) -> Sequence[str]:
    """The labels without a tag."""
    return [label for label, tag in label_tags.items() if tag is None]

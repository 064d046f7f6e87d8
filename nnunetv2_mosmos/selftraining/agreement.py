"""What a report says of a dataset's labels, and whether a segmentation agrees with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from nnunetv2_mosmos.labels.tags import tags_of
from pretraining.errors import UserError
from pretraining.studies.manifest import Study
from pretraining.tags.states import PRESENT, recognition_targets
from pretraining.tags.vocabulary import Vocabulary

Check = Literal["findings", "report", "regions", "nothing"]
"""What of a report counts: all that it says and its silence on lesions, all that it says, the body regions that it
covers, or nothing (a control)."""


@dataclass(frozen=True)
class Said:
    """The labels that a report says something of.

    Attributes:
        present: their tag is placed in the image.
        absent: their tag cannot be in the image: removed, not visualised, or of another part of the body; or a lesion
            that it denies or, where its silence counts, does not mention.
    """

    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()


class ReportCheck:
    """Decides which images to label, which labels to leave out, and which segmentations to believe.

    Args:
        label_tags: tag by label.
        vocabulary: knows each tag's body regions.
        regions: a report must cover one of these; those of the labels when empty.
        check: what of a report counts.
        tolerated: how many labels that its report names may be missing from a segmentation.

    Attributes:
        regions: that a report must cover one of.
        tolerated: as given.

    Raises:
        UserError: no label has a tag, or a region is unknown.
    """

    def __init__(
        self,
        label_tags: Mapping[str, str | None],
        vocabulary: Vocabulary,
        regions: Collection[str] = (),
        check: Check = "report",
        tolerated: int = 0,
    ) -> None:
        self.tolerated = tolerated
        self._label_tags = label_tags
        self._vocabulary = vocabulary
        self._check = check
        tags = tags_of(label_tags)
        if not tags and check != "nothing":
            raise UserError(
                f"none of the labels {', '.join(label_tags)} has a tag, so no report says anything of them: "
                "name one with --map LABEL=TAG"
            )
        known = {region for tag in vocabulary.tags for region in tag.regions}
        if unknown := sorted(set(regions) - known):
            raise UserError(f"--regions {' '.join(unknown)}: the vocabulary knows {', '.join(sorted(known))}")
        self.regions = tuple(regions) or regions_of(tags, vocabulary)

    def refusal(self, study: Study) -> str | None:
        """Why a study's images are not to be labelled; None where they are."""
        if self._check == "nothing" or not self.regions or not set(self.regions).isdisjoint(study.regions):
            return None
        covered = f"covers {', '.join(study.regions)}" if study.regions else "tells no body region"
        return f"its report {covered}, the labels lie in {', '.join(self.regions)}"

    def said(self, study: Study) -> Said:
        """What a study's report says of the labels."""
        if self._check not in ("findings", "report"):
            return Said()
        labels = [(label, tag) for label, tag in self._label_tags.items() if tag is not None]
        targets = recognition_targets(study.tags, study.regions, self._vocabulary, [tag for _, tag in labels])
        if self._check == "findings":
            for index, (_, tag) in enumerate(labels):
                if targets[index] == -1 and self._expected(tag, study):
                    targets[index] = 0
        named = {
            state: frozenset(label for (label, _), target in zip(labels, targets, strict=True) if target == state)
            for state in (0, 1)
        }
        return Said(present=named[1], absent=named[0])

    def _expected(self, tag: str, study: Study) -> bool:
        """Whether a report would mention a tag if it were there: reports name lesions, and not every organ.

        Of a lesion that they name, they need not name the parts.
        """
        known = self._vocabulary[tag]
        covered = not set(known.regions).isdisjoint(study.regions)
        wholes = (one for one in self._vocabulary.ancestors(tag) if self._vocabulary[one].kind == "lesion")
        return known.kind == "lesion" and covered and all(study.tags.get(whole) != PRESENT for whole in wholes)

    def disagreement(self, said: Said, found: Collection[str]) -> str | None:
        """Why a segmentation is not to be believed; None where it is.

        Args:
            said: by the report.
            found: the labels that the segmentation shows.
        """
        missing = sorted(said.present.difference(found))
        if len(missing) <= self.tolerated:
            return None
        return f"its report names {', '.join(missing)}, which the network does not find"


def regions_of(tags: Iterable[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    """The body regions that images of all these tags show.

    Args:
        tags: of the labels.
        vocabulary: knows each tag's regions.

    Returns:
        The regions that all tags share (the abdomen, for liver and aorta); where they share none, all that hold a tag
        which lies in one region alone.
    """
    of_tags = [frozenset(vocabulary[tag].regions) for tag in tags]
    if not of_tags:
        return ()
    shared = reduce(frozenset.intersection, of_tags)
    alone = frozenset[str]().union(*(regions for regions in of_tags if len(regions) == 1))
    return tuple(sorted(shared or alone))

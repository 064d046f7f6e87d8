"""From a study to statements: everything that could be said about it, true to the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pretraining.phantom.lesions import Lesion, base
from pretraining.phantom.organs import LABELS, ORGANS, Organ, plural_of
from pretraining.phantom.reports import phrases
from pretraining.phantom.reports.statement import Statement, capitalized
from pretraining.phantom.study import Study

# Organs whose parenchyma reports compare, and the one they compare it with.
_COMPARED = {"liver": "spleen", "spleen": "liver", "pancreas": "liver"}
_MEASURED = (
    "spleen",
    "kidney_left",
    "kidney_right",
    "urinary_bladder",
    "prostate",
    "uterus",
    "aorta",
    "liver",
    "heart",
)
# Nobody remarks on missing one of these.
_SCATTERED = ("small_bowel", "colon", "duodenum", "vertebrae", "ribs", "inferior_vena_cava", "esophagus", "trachea")
# Vessels whose name in the vocabulary is a compound that no report uses.
_UNNAMED = ("portal_vein_and_splenic_vein",)


class Describer:
    """Makes the statements of one study.

    Args:
        study: what is described. rng: chooses among phrases.
    """

    def __init__(self, study: Study, rng: np.random.Generator) -> None:
        self._study = study
        self._rng = rng
        self.visible = tuple(organ for organ in study.visible_organs if organ not in _UNNAMED)

    def say(self, templates: Sequence[str], organ: Organ | None = None, **fields: str) -> str:
        """One of the templates, filled, as a sentence."""
        if organ is not None:
            verbs = {
                "is": "are" if organ.plural else "is",
                "demonstrates": "demonstrate" if organ.plural else "demonstrates",
            }
            fields = {"n": organ.name, "a": organ.adjective, **verbs, **fields}
        return capitalized(str(self._rng.choice(list(templates))).format(**fields)) + "."

    def abnormal(self) -> list[Statement]:
        """Abnormal size, density and lesions of what is visible, and free fluid."""
        found: list[Statement] = []
        for organ in self.visible:
            found += self._size(organ) + self._density(organ) + self._lesions(organ)
        return found + self._effusions()

    def absences(self) -> list[Statement]:
        """Removed and never formed organs of the regions covered."""
        covered = set(self._study.scan.regions)
        found = []
        for organ_id, cause in self._study.patient.removed.items():
            organ = ORGANS[organ_id]
            if covered.isdisjoint(organ.regions):
                continue
            if cause == "agenesis":
                found.append(
                    Statement(
                        self.say(phrases.AGENESIS, organ), capitalized(organ.name), absent=(organ_id,), abnormal=True
                    )
                )
                continue
            operation = f"{organ.side} {phrases.SURGERY_WORD[base(organ_id)]}".strip()
            history = bool(self._rng.uniform() < 0.3)
            templates = phrases.SURGERY_HISTORY if history else phrases.SURGERY
            text = self.say(templates, organ, op=operation)
            found.append(Statement(text, capitalized(organ.name), absent=(organ_id,), history=history))
        return found

    def outside(self) -> list[Statement]:
        """Organs of the regions covered that the patient has and the image does not show."""
        covered = set(self._study.scan.regions)
        shown = set(self._study.visible_organs)
        foreign = "uterus" if self._study.patient.traits.sex == "male" else "prostate"
        missing = [
            organ
            for key, organ in ORGANS.items()
            if not organ.minor
            and key not in (*_UNNAMED, *_SCATTERED, foreign, *shown, *self._study.patient.removed)
            and not covered.isdisjoint(organ.regions)
        ]
        return [
            Statement(self.say(phrases.OUTSIDE, organ), capitalized(organ.name), absent=(organ.id,))
            for organ in missing
        ]

    def normal(self) -> list[Statement]:
        """Statements about visible organs with nothing to report, pairs together now and then.

        Each speaks of its own organ alone. "No focal cerebellar lesion" is mined as "no brain tumor", which is wrong
        where the brain shows one that the report leaves out, and likewise for the brain and the brainstem.
        """
        plain = [organ for organ in self.visible if not self._is_abnormal(organ)]
        found = []
        done: set[str] = set()
        for organ in plain:
            if organ in done:
                continue
            pair, side = ORGANS[organ].pair, ORGANS[organ].side
            other = f"{pair}_{'left' if side == 'right' else 'right'}"
            if pair and other in plain and self._rng.uniform() < 0.6:
                name = ORGANS[organ].name.removeprefix(f"{side} ")
                text = self.say(phrases.NORMAL_PAIR, n=name, ns=plural_of(name))
                found.append(Statement(text, ORGANS[organ].heading, present=(organ, other), minor=ORGANS[organ].minor))
                done |= {organ, other}
            else:
                found.append(self._plain(organ))
                done.add(organ)
        return found

    def _plain(self, organ_id: str) -> Statement:
        organ, kind = ORGANS[organ_id], base(organ_id)
        roll = self._rng.uniform()
        if roll < 0.15 and kind in phrases.NEGATED:
            text = self.say(phrases.NEGATED[kind], organ)
        elif roll < 0.35:
            text = self.say(phrases.NO_LESION, organ)
        elif roll < 0.55 and organ_id in _MEASURED:
            text = self.say(phrases.MEASURE, organ, size=self._extent(organ_id))
        elif roll < 0.75 and _COMPARED.get(organ_id) in self.visible:
            return self._comparison(organ_id)
        else:
            text = self.say(phrases.NORMAL, organ)
        return Statement(text, organ.heading, present=(organ_id,), minor=organ.minor)

    def _is_abnormal(self, organ: str) -> bool:
        patient = self._study.patient
        hurt = {lesion.organ for lesion in self._study.visible_lesions}
        return organ in patient.sizes or organ in patient.densities or organ in hurt

    def _size(self, organ_id: str) -> list[Statement]:
        word = self._study.patient.sizes.get(organ_id)
        if word is None:
            return []
        disease = phrases.SIZE_DISEASE.get((organ_id, word))
        templates = phrases.SIZE[word] + ((disease,) if disease else ())
        return [
            Statement(
                self.say(templates, ORGANS[organ_id]), ORGANS[organ_id].heading, present=(organ_id,), abnormal=True
            )
        ]

    def _density(self, organ_id: str) -> list[Statement]:
        word = self._study.patient.densities.get(organ_id)
        if word is None:
            return []
        templates = phrases.DENSITY[word][self._study.scan.modality == "MR"]
        return [
            Statement(
                self.say(templates, ORGANS[organ_id]), ORGANS[organ_id].heading, present=(organ_id,), abnormal=True
            )
        ]

    def _lesions(self, organ_id: str) -> list[Statement]:
        by_kind: dict[str, list[Lesion]] = {}
        for lesion in self._study.visible_lesions:
            if lesion.organ == organ_id:
                by_kind.setdefault(lesion.kind, []).append(lesion)
        return [self._lesion(organ_id, kind, lesions) for kind, lesions in by_kind.items()]

    def _lesion(self, organ_id: str, kind: str, lesions: list[Lesion]) -> Statement:
        organ = ORGANS[organ_id]
        column = 0 if self._study.scan.modality == "CT" else 2 if self._study.scan.contrast_name == "T2" else 1
        noun = phrases.LESION_NAME.get((base(organ_id), kind), phrases.LESION_NOUN[kind])
        look = phrases.LESION_LOOK[kind][column]
        largest = max(lesions, key=lambda lesion: lesion.radius)
        size = f"{largest.diameter / 10:.1f} cm" if largest.diameter >= 10 else f"{largest.diameter:.0f} mm"
        if len(lesions) > 1:
            words = ("two", "three", "four", "several")[min(len(lesions), 5) - 2]
            text = self.say(phrases.LESIONS, organ, look=look, nouns=plural_of(noun), size=size, count=words)
        else:
            place = (
                f"{largest.place} of the {organ.name}" if largest.place and self._rng.uniform() < 0.6 else organ.name
            )
            templates = phrases.LESION if self._rng.uniform() < 0.75 else phrases.LESION_UNSIZED
            text = self.say(templates, organ, look=look, noun=noun, size=size, place=place)
        return Statement(
            text, ORGANS[organ_id].heading, present=(organ_id,), lesions=((organ_id, kind),), abnormal=True
        )

    def _effusions(self) -> list[Statement]:
        found = []
        for kind in self._study.visible_effusions:
            name, _, side = kind.rpartition("_") if kind != "ascites" else (kind, "", "")
            text = self.say(phrases.EFFUSION[name], side=side)
            found.append(Statement(text, capitalized(name.replace("_", " ")), lesions=((kind, name),), abnormal=True))
        return found

    def _comparison(self, organ_id: str) -> Statement:
        """Which of two parenchymas is brighter, read from the image itself."""
        other = _COMPARED[organ_id]
        mean = {
            o: float(np.median(self._study.image[self._study.painting.organs == LABELS[o]])) for o in (organ_id, other)
        }
        scale = 12.0 if self._study.scan.modality == "CT" else 0.12 * max(mean.values())
        gap = mean[organ_id] - mean[other]
        ct = self._study.scan.modality == "CT"
        level = "iso" if abs(gap) < scale else "hyper" if gap > 0 else "hypo"
        word = f"{level}{'attenuating' if ct else 'intense'}"
        text = self.say(phrases.ECHO, ORGANS[organ_id], comparison=word, other=ORGANS[other].name)
        return Statement(text, ORGANS[organ_id].heading, present=(organ_id, other))

    def _extent(self, organ_id: str) -> str:
        """Axial bounding box on the largest slice, in centimetres."""
        mask = self._study.painting.organs == LABELS[organ_id]
        plane = mask[mask.sum((1, 2)).argmax()]
        spans = [np.flatnonzero(plane.any(axis)) for axis in (0, 1)]
        spacing = self._study.scan.grid.spacing
        width, depth = ((s[-1] - s[0] + 1) * mm / 10 for s, mm in zip(spans, (spacing[2], spacing[1]), strict=True))
        return f"{width:.1f} x {depth:.1f} cm"

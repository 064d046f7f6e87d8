"""Body regions, from region columns and DICOM's BodyPartExamined."""

from __future__ import annotations

import re

# What names a region at the start of a word; a value may name several ("head and neck").
_PATTERNS = {
    "head": r"head|brain|skull|faci|face|crani|orbit|sinus|jaw|mandib|ears?\b|eyes?\b",
    "neck": r"neck|thyroid|larynx|pharynx",
    "chest": r"chest|thora|lung|heart|cardia|breast|coronary|ribs?\b|sternum|mediastin",
    "abdomen": r"abd|liver|hepat|kidney|renal|pancrea|spleen|stomach|gallbladder|bowel|colon",
    "pelvis": r"pelvi|prostat|bladder|uter(?:us|ine)|ovar|rect(?:um|al)|hips?\b",
    "spine": r"spin(?:e|al)|[ctl]spine|vertebra|sacrum|sacral|lumbar|coccyx",
    "upper_limb": r"upper[ _](?:limb|extrem)|shoulder|(?:fore)?arms?\b|elbow|wrist|hands?\b|humer|finger|clavic|scapul",
    "lower_limb": r"lower[ _](?:limb|extrem)|legs?\b|knee|ankle|foot|feet|femur|tibia|toes?\b|thigh|calf",
}
_REGIONS = {region: re.compile(rf"(?<![a-z])(?:{pattern})") for region, pattern in _PATTERNS.items()}
# DICOM writes several regions as one word: CHESTABDPELVIS, HEADNECK.
_JOINED = re.compile(r"chest|thorax|abdomen|abd|pelvis|head|neck")


def region_ids(text: str) -> tuple[str, ...]:
    """The regions that a written body part names, in the vocabulary's ids; empty when none is recognised.

    Example:
        >>> region_ids("ABD"), region_ids("CHESTABDPELVIS"), region_ids("LSPINE")
        (('abdomen',), ('chest', 'abdomen', 'pelvis'), ('spine',))
    """
    lowered = text.lower()
    words = f"{lowered} {' '.join(_JOINED.findall(lowered))}"
    return tuple(region for region, pattern in _REGIONS.items() if pattern.search(words))

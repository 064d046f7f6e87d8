"""What a run's numbers say, in words: nothing here is known before the run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

NOTABLE = 0.01
"""Differences of mean Dice below this are none."""


def retrieval_words(retrieval: Mapping[str, Any]) -> str:
    """Recall of held-out reports beside chance.

    Args:
        retrieval: of an evaluation: `candidates`, and `image_to_report` with `value` and `chance` of `r1` and `r5`; or
            `not_available`.
    """
    if "image_to_report" not in retrieval:
        return f"Not available: {retrieval['not_available']}."
    first, five = (retrieval["image_to_report"][name] for name in ("r1", "r5"))
    candidates, value, chance = retrieval["candidates"], five["value"], five["chance"]
    spread = 2 * math.sqrt(chance * (1 - chance) / candidates)
    if abs(value - chance) <= spread:
        verdict = "Among five, chance does as well: this short pretraining does not tell reports apart."
    elif value < chance:
        verdict = "Among five, that is worse than chance."
    else:
        verdict = f"Among five, that is {value / chance:.1f} times chance."
    return (
        f"Of {candidates} held-out reports, an image's own is the nearest for {first['value']:.1%} of the images "
        f"(chance {first['chance']:.1%}) and among the five nearest for {value:.1%} (chance {chance:.1%}). {verdict}"
    )


def map_words(located: Mapping[str, Mapping[str, Any]]) -> str:
    """Maps beside the static position prior and the image's own brightness, over the organs that have all three.

    Args:
        located: tag to `attention`, `prior` and `brightness` of an evaluation's localization.
    """
    compared = [
        tuple(entry[who]["auroc"] for who in ("attention", "prior", "brightness"))
        for entry in located.values()
        if entry["prior"]
    ]
    if not compared:
        return "No organ is in enough masks to be compared."
    maps, prior, brightness = (sum(values) / len(compared) for values in zip(*compared, strict=True))
    wins = sum(one > other for one, other, _ in compared)
    brighter = sum(one > other for one, _, other in compared)
    less = "less" if maps < prior else "more"
    return (
        f"Over these {len(compared)} organs the maps reach a mean AUROC of {maps:.2f} (0.5 is chance); the mean mask "
        f"of the training patients, which knows no image at all, reaches {prior:.2f}, and the image itself, taken for "
        f"a map, {brightness:.2f}. The maps say {less} than where an organ usually lies; they beat that on {wins} of "
        f"{len(compared)} organs, and brightness on {brighter}."
    )


def effect_words(effects: Mapping[str, float]) -> str:
    """What zeroed maps do to segmentation.

    Args:
        effects: configuration to mean Dice with zeroed maps minus mean Dice with the maps as they are; NaN where no
            validation case shows an organ.
    """
    if any(math.isnan(change) for change in effects.values()):
        return "What zeroing the maps changes could not be measured: no validation case shows an organ."
    numbers = ", ".join(f"{change:+.4f} in {configuration}" for configuration, change in effects.items())
    needed = [configuration for configuration, change in effects.items() if change <= -NOTABLE]
    better = [configuration for configuration, change in effects.items() if change >= NOTABLE]
    verdicts = []
    if needed:
        verdicts.append(f"The network needs them in {' and '.join(needed)}.")
    if better:
        verdicts.append(f"The network does better without them in {' and '.join(better)}.")
    if not verdicts:
        verdicts.append("The maps are decoration in this run.")
    return f"Zeroing the maps changes mean Dice on validation cases by {numbers}. {' '.join(verdicts)}"


def gain_words(pretrained: Sequence[float], scratch: Sequence[float]) -> str:
    """Segmentation with pretraining beside without.

    Args:
        pretrained: mean Dice of each test case.
        scratch: the same without pretraining.
    """
    cases = len(pretrained)
    ours, theirs = sum(pretrained) / cases, sum(scratch) / cases
    wins = sum(one > other for one, other in zip(pretrained, scratch, strict=True))
    if ours - theirs >= NOTABLE and wins == cases:
        verdict = "Pretraining helps on every one of them."
    elif theirs - ours >= NOTABLE and wins == 0:
        verdict = "Pretraining helps on none of them."
    else:
        verdict = "That is no clear difference."
    return (
        f"Mean Dice {ours:.3f} with pretraining, {theirs:.3f} from scratch: {ours - theirs:+.3f}, better on {wins} of "
        f"{cases} test cases. {verdict} One training of each cannot tell pretraining from luck."
    )

"""How well and how fast organ tags are mined: gold sentences, silver concept ids, reports a second, negspacy beside.

    python -m benchmarks.tag_mining
    python -m benchmarks.tag_mining --quick --json tag_mining.json
    python -m benchmarks.tag_mining --errors errors.txt --negspacy-python OTHER_VENV/bin/python

Gold: sentences of real ROCO captions, annotated by hand before the miner was run on them. `data/tag_gold.jsonl` holds
the caption's id, the span, a hash of the sentence and the states; the text stays with the data. The rules then grew
with an eye on the errors of the set `first`; the set `second` was annotated after that. Silver: the UMLS concept ids
that ROCO ships, extracted by a machine and wrong in places. negspacy has dependencies that we do not want, and runs in
another environment.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.record import SHARED_DATA, Cell, Outcome, conclude
from pretraining.errors import UserError
from pretraining.tags.hierarchy import Hierarchy
from pretraining.tags.lexicon import plural_of, words_of
from pretraining.tags.miner import TagMiner
from pretraining.tags.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
REPORT_WORDS = 240
REPEATS = 5
SPEED = f"reports of {REPORT_WORDS} words a second on one core"

SCORED = (
    "liver", "spleen", "kidney", "pancreas", "gallbladder", "stomach", "duodenum", "small_bowel", "colon",
    "appendix", "rectum", "esophagus", "adrenal_gland", "aorta", "inferior_vena_cava", "portal_vein",
    "splenic_vein", "portal_vein_and_splenic_vein", "urinary_bladder", "ureter", "prostate", "uterus", "ovary",
    "heart", "heart_atrium", "heart_ventricle", "heart_myocardium", "lung", "lung_upper_lobe", "lung_middle_lobe",
    "lung_lower_lobe", "trachea", "thyroid_gland", "breast", "brain", "cerebellum", "brainstem", "spinal_cord",
    "vertebrae", "ribs", "sternum", "clavicula", "scapula", "humerus", "hip", "femur", "sacrum", "mandible",
    "skull", "eye", "parotid_gland", "larynx", "lymph_node", "pleura", "pulmonary_artery", "bile_duct",
    "mesentery",
)  # fmt: skip
"""The organs that were annotated; their sides too."""

# Pairs that exist only to hold their sides: a caption never speaks of "the atrium" as such.
_ONLY_SIDES = {"heart_atrium", "heart_ventricle", "lung_upper_lobe", "lung_middle_lobe", "lung_lower_lobe"}

SILVER = {
    "C0023884": "liver", "C0037993": "spleen", "C0022646": "kidney", "C0030274": "pancreas", "C0016976": "gallbladder",
    "C0038351": "stomach", "C0013303": "duodenum", "C0021852": "small_bowel", "C0009368": "colon",
    "C0003617": "appendix", "C0034896": "rectum", "C0014876": "esophagus", "C0001625": "adrenal_gland",
    "C0003483": "aorta", "C0042458": "inferior_vena_cava", "C0032718": "portal_vein", "C0038001": "splenic_vein",
    "C0005682": "urinary_bladder", "C0041951": "ureter", "C0033572": "prostate", "C0042149": "uterus",
    "C0029939": "ovary", "C0018787": "heart", "C0225860": "heart_atrium_left", "C0225844": "heart_atrium_right",
    "C0225897": "heart_ventricle_left", "C0225883": "heart_ventricle_right", "C0024109": "lung", "C0040578": "trachea",
    "C0040132": "thyroid_gland", "C0006141": "breast", "C0006104": "brain", "C0007765": "cerebellum",
    "C0037925": "spinal_cord", "C0549207": "vertebrae", "C0035561": "ribs", "C0038293": "sternum",
    "C0008913": "clavicula", "C0036277": "scapula", "C0020164": "humerus", "C0019552": "hip", "C0015811": "femur",
    "C0036037": "sacrum", "C0024687": "mandible", "C0037303": "skull", "C0015392": "eye", "C0030580": "parotid_gland",
    "C0023078": "larynx", "C0024204": "lymph_node", "C0032225": "pleura", "C0034052": "pulmonary_artery",
    "C0005400": "bile_duct",
}  # fmt: skip
"""UMLS concept ids of the organs themselves."""

States = Mapping[str, str]


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    quick: bool = False
    """Measure speed once, on a tenth of the captions: shows that it runs."""
    json: Path | None = None
    """Where to write what was found."""
    captions: Path = SHARED_DATA / "text_roco_ccby" / "roco_validation_ccby.tsv"
    """ROCO captions with their concept ids, tab separated."""
    gold: Path = HERE / "data" / "tag_gold.jsonl"
    """Annotated sentences."""
    errors: Path | None = None
    """Where to write every disagreement with gold and silver, to read."""
    negspacy_python: Path | None = None
    """Interpreter of an environment with negspacy."""


@dataclass(frozen=True)
class GoldSentence:
    """One annotated sentence."""

    text: str
    states: States
    set: str


def read_captions(path: Path) -> dict[str, dict[str, str]]:
    """ROCO's rows by id."""
    if not path.is_file():
        raise UserError(f"{path} does not exist; name ROCO's captions with --captions")
    with path.open(encoding="utf-8") as stream:
        return {row["roco_id"]: row for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)}


def read_gold(path: Path, captions: Mapping[str, Mapping[str, str]]) -> list[GoldSentence]:
    """The annotated sentences, each checked against its hash."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        text = captions[entry["roco_id"]]["caption"][entry["start"] : entry["end"]]
        if hashlib.sha256(text.encode()).hexdigest() != entry["sha256"]:
            raise UserError(
                f"{path}: the sentence of {entry['roco_id']} is not the annotated one; use the same captions"
            )
        states = dict.fromkeys(entry["present"], "present") | dict.fromkeys(entry["absent"], "absent")
        found.append(GoldSentence(text, states, entry["set"]))
    return found


def scored_tags(vocabulary: Vocabulary) -> frozenset[str]:
    """The annotated tags and their sides."""
    sides = (tag for base in SCORED for tag in vocabulary.sides.get(base, {}).values())
    return frozenset(SCORED).difference(_ONLY_SIDES).union(sides)


def score(
    gold: Sequence[States], mined: Sequence[States], vocabulary: Vocabulary, with_sides: bool = True
) -> dict[str, float]:
    """Precision, recall and F1 of present and of absent organs, and side accuracy.

    A side counts as right when all side states of its pair in the sentence are. Without sides, only whole organs count.
    """
    scored = scored_tags(vocabulary)
    if not with_sides:
        scored = frozenset(tag for tag in scored if vocabulary[tag].side_of is None)
    counts: Counter[str] = Counter()
    for wanted, found in zip(gold, mined, strict=True):
        for state in ("present", "absent"):
            truth = {tag for tag, value in wanted.items() if value == state} & scored
            guess = {tag for tag, value in found.items() if value == state} & scored
            counts[f"{state} hit"] += len(truth & guess)
            counts[f"{state} false"] += len(guess - truth)
            counts[f"{state} missed"] += len(truth - guess)
        for pair in {vocabulary[tag].side_of for tag in (*wanted, *found) if tag in scored and vocabulary[tag].side_of}:
            sides = vocabulary.sides[str(pair)].values()
            right = all(wanted.get(side) == found.get(side) for side in sides)
            counts["side right" if right else "side wrong"] += 1
    result: dict[str, float] = {}
    for state in ("present", "absent"):
        hit, false, missed = (counts[f"{state} {kind}"] for kind in ("hit", "false", "missed"))
        if not hit + false + missed:
            continue
        result[f"{state} precision"] = hit / max(1, hit + false)
        result[f"{state} recall"] = hit / max(1, hit + missed)
        result[f"{state} F1"] = 2 * hit / max(1, 2 * hit + false + missed)
    if with_sides:
        result["side accuracy"] = counts["side right"] / max(1, counts["side right"] + counts["side wrong"])
    return result


def reports_of(captions: Iterable[str]) -> list[str]:
    """Reports of about 240 words, made of captions in random order, every caption used once: nothing repeats."""
    shuffled = [caption.strip() for caption in captions]
    random.Random(0).shuffle(shuffled)
    reports: list[str] = []
    current: list[str] = []
    words = 0
    for caption in shuffled:
        current.append(caption if caption.endswith((".", "?", "!")) else f"{caption}.")
        words += len(caption.split())
        if words >= REPORT_WORDS:
            reports.append(" ".join(current))
            current, words = [], 0
    return reports


def measure_speed(reports: Sequence[str], vocabulary: Vocabulary, repeats: int = REPEATS) -> dict[str, float]:
    """Reports of 240 words a second of one core's time, the best of several runs.

    `new text` was never seen before; `repeated text` is the same once more, as templates are in real reports.
    """
    words = sum(len(report.split()) for report in reports)
    best: dict[str, float] = {}
    for _ in range(repeats):
        for explain, what in ((False, "tags and regions"), (True, "with sentences and evidence")):
            miner = TagMiner(vocabulary)
            for kind in ("new text", "repeated text"):
                start = time.process_time()
                for report in reports:
                    miner.mine(report, explain=explain)
                rate = words / REPORT_WORDS / (time.process_time() - start)
                best[f"{what}, {kind}"] = max(best.get(f"{what}, {kind}", 0.0), rate)
    return best


def compare_silver(captions: Mapping[str, Mapping[str, str]], miner: TagMiner) -> tuple[Counter[str], list[str]]:
    """Agreement with the machine-extracted concept ids, and every caption in which they differ."""
    counts: Counter[str] = Counter()
    differences = []
    for roco_id, row in captions.items():
        silver = {SILVER[concept] for concept in row["cuis"].split("|") if concept in SILVER}
        mined = {tag for tag, state in miner.mine(row["caption"]).tags.items() if state == "present"}
        for tag in SILVER.values():
            if tag in silver or tag in mined:
                kind = "both" if tag in silver and tag in mined else "silver only" if tag in silver else "mined only"
                counts[kind] += 1
                if kind != "both":
                    differences.append(f"{kind:11} {tag:22} {roco_id} {row['caption']}")
    return counts, sorted(differences)


def baseline_terms(vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """The vocabulary's own words for each organ: the baseline has the same terms as the miner."""
    terms: dict[str, str] = {}
    for tag in vocabulary:
        if tag.id not in SCORED:
            continue
        for term in (*tag.nouns, *tag.parts, *tag.adjectives, *tag.diseases, *tag.removals):
            words = words_of(term)
            for form in (words, plural_of(words)):
                if form:
                    terms.setdefault(" ".join(form), tag.id)
    return sorted(terms.items())


def run_negspacy(python: Path, texts: Sequence[str], vocabulary: Vocabulary) -> tuple[list[States], float] | None:
    """States of every text by negspacy, and its seconds of processor time; None, aloud, where it cannot run."""
    job = json.dumps({"terms": baseline_terms(vocabulary), "texts": list(texts)})
    command = [str(python), str(HERE / "negspacy_baseline.py")]
    try:
        done = subprocess.run(command, input=job, capture_output=True, text=True, check=False)
    except OSError as error:
        logger.warning("negspacy SKIPPED: %s cannot be run (%s)", python, error.strerror)
        return None
    if done.returncode:
        logger.warning("negspacy SKIPPED: %s", done.stderr.strip().splitlines()[-1] if done.stderr else "it failed")
        return None
    answer = json.loads(done.stdout)
    return answer["states"], answer["seconds"]


def main(options: Options) -> None:
    """Run everything and print the table."""
    captions = read_captions(options.captions)
    gold = read_gold(options.gold, captions)
    miner = TagMiner()
    vocabulary = miner.vocabulary
    mined = [miner.mine(sentence.text).tags for sentence in gold]
    figures: dict[str, float] = {}
    for name in ("first", "second"):
        chosen = [(sentence.states, tags) for sentence, tags in zip(gold, mined, strict=True) if sentence.set == name]
        wanted, found = zip(*chosen, strict=True)
        what = f"gold, {name} set, {len(chosen)} sentences, {sum(map(len, wanted))} states"
        figures |= {f"{what}: {score_name}": value for score_name, value in score(wanted, found, vocabulary).items()}
    counts, differences = compare_silver(captions, miner)
    figures |= {f"silver, {len(captions)} captions: {kind}": count for kind, count in counts.most_common()}
    texts = [row["caption"] for row in captions.values()]
    reports = reports_of(texts[::10] if options.quick else texts)
    speed = measure_speed(reports, vocabulary, 1 if options.quick else REPEATS)
    figures |= {f"{SPEED}, {kind}": rate for kind, rate in speed.items()}
    notes = []
    if options.negspacy_python is None:
        notes.append("negspacy: SKIPPED, no --negspacy-python was given")
    else:
        figures |= _compare_negspacy(options.negspacy_python, gold, mined, reports, vocabulary)
    if options.errors is not None:
        options.errors.write_text("\n".join([*_gold_errors(gold, mined, vocabulary), *differences]), encoding="utf-8")
    rows: list[list[Cell]] = [[what, value] for what, value in figures.items()]
    conclude(
        Outcome(
            benchmark="tag_mining",
            title="Tag mining: quality and speed",
            columns=("what", "value"),
            rows=rows,
            notes=notes,
            figures=figures,
        ),
        quick=options.quick,
        file=options.json,
    )


def _compare_negspacy(
    python: Path, gold: Sequence[GoldSentence], mined: Sequence[States], reports: Sequence[str], vocabulary: Vocabulary
) -> dict[str, float]:
    """Both on all gold sentences, whole organs only: negspacy knows no sides. It gets our hierarchy."""
    quality = run_negspacy(python, [sentence.text for sentence in gold], vocabulary)
    if quality is None:
        return {}
    hierarchy = Hierarchy(vocabulary)
    closed = [{tag: state for tag, (state, _) in hierarchy.close(states, ()).items()} for states in quality[0]]
    wanted = [sentence.states for sentence in gold]
    figures = {
        f"whole organs, both gold sets, {who}: {name}": value
        for who, found in (("miner", mined), ("negspacy", closed))
        for name, value in score(wanted, found, vocabulary, with_sides=False).items()
    }
    speed = run_negspacy(python, reports, vocabulary)
    if speed is not None:
        figures[f"{SPEED}, negspacy"] = sum(len(report.split()) for report in reports) / REPORT_WORDS / speed[1]
    return figures


def _gold_errors(gold: Sequence[GoldSentence], mined: Sequence[States], vocabulary: Vocabulary) -> list[str]:
    scored = scored_tags(vocabulary)
    lines = []
    for sentence, found in zip(gold, mined, strict=True):
        for tag in sorted(scored):
            wanted, guess = sentence.states.get(tag, "unmentioned"), found.get(tag, "unmentioned")
            if wanted != guess:
                lines.append(f"gold        {tag:22} is {wanted}, mined {guess}: {sentence.text}")
    return lines


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(Options, description=__doc__))

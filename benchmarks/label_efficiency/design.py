"""What is compared: arms, pretrainings, networks, seeds, sizes. Frozen before the reserved seeds are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from nnunetv2_mosmos.selftraining.agreement import Check
from nnunetv2_mosmos.settings import Injected
from pretraining.phantom.appearance import Look
from pretraining.phantom.patient import Habits

FamilyName = Literal["2d", "3d_fullres", "unetr"]
TaskName = Literal["organs", "lesions", "hippocampus"]
SplitName = Literal["development", "reserved", "shifted"]
CASES = (1, 2, 4, 8, 16, 64)
"""Labelled cases to finetune on."""
PRETRAINING_SEEDS, FINETUNING_SEEDS = 3, 5
TEACHER_CASES = 64
"""Labelled cases that the network of a ceiling has learned from; none of them is among those that its cells draw."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """How an encoder is pretrained; the weights are those of `mosmos_pretrain train`."""

    contrastive: float = 1.0
    tags: float = 2.0
    sentences: float = 1.0
    reconstruction: float = 0.0
    tag_embeddings: Literal["text", "random"] = "text"
    tag_loss: Literal["bce", "asymmetric"] = "bce"
    attention_temperature: float = 0.07
    map_stride: int = 8
    deep_context: bool = True
    epochs_factor: int = 1


OBJECTIVES: Mapping[str, Objective] = {
    "contrastive": Objective(tags=0, sentences=0),
    "tags": Objective(),
    "random_tags": Objective(tag_embeddings="random"),
    "autoencoder": Objective(contrastive=0, tags=0, sentences=0, reconstruction=1),
    # The rest are those of interventions.
    "reconstruction": Objective(reconstruction=1),
    "no_contrast": Objective(contrastive=0),
    "no_sentences": Objective(sentences=0),
    "stride_4": Objective(map_stride=4),
    "temperature_03": Objective(attention_temperature=0.3),
    "asymmetric": Objective(tag_loss="asymmetric"),
    "longer": Objective(epochs_factor=3),
    "local": Objective(map_stride=2, deep_context=False),
}


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a trainer finetunes.

    Attributes:
        rate: times the schedule's.
        encoder_rate, auxiliary_weight, injected: attributes of a MOSMOS trainer; None for its own.
    """

    rate: float = 1.0
    encoder_rate: float | None = None
    auxiliary_weight: float | None = None
    injected: Injected | None = None


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        title: in the table.
        trainer: key of `trainers.TRAINERS`.
        objective: of the bundle that the trainer starts from; None for no bundle.
        pretrained: whether weights of the bundle count, or images of its reports. Where not, the first pretraining seed
            stands for all: such an arm takes nothing but a network's layout and the names of tags from its bundle.
        tuning: what differs from the trainer's own settings.
        taught: what starts from a network that has learned: from `TEACHER_CASES` labelled cases, a ceiling for whatever
            pretraining could give to this part, or, where `labels` says so, from images of reports.
        labels: what of the reports checks the labels that a network of the same cases gives to their images.
        teachers: how many such networks, averaged, give them.
        length: of the schedule, over the others'.
    """

    title: str
    trainer: str
    objective: str | None
    pretrained: bool = True
    tuning: Tuning = Tuning()
    taught: Literal["encoder", "network"] | None = None
    labels: Check | None = None
    teachers: int = 1
    length: int = 1


MAIN_ARMS: Mapping[str, Arm] = {
    "plain": Arm("nnU-Net's own trainer", "plain", None, pretrained=False),
    "scratch": Arm("_scratch", "scratch", None, pretrained=False),
    # As long as self-training's teacher, student and finetuning together.
    "scratch_longer": Arm("_scratch, three times as long", "scratch", None, pretrained=False, length=3),
    "maps_untrained": Arm("maps on a random encoder, random tags", "maps_untrained", "tags", pretrained=False),
    "contrastive": Arm("contrastive only", "encoder", "contrastive"),
    "autoencoder": Arm("masked autoencoder (vision only)", "encoder", "autoencoder"),
    "tags": Arm("+ tags (encoder only)", "encoder", "tags"),
    "maps": Arm("+ maps (_mapsOnly)", "maps", "tags"),
    "both": Arm("+ both (the full trainer)", "both", "tags"),
    "random_pretraining": Arm("+ both, random tags from pretraining on", "both", "random_tags"),
    "random_finetuning": Arm("+ both, random tags in finetuning (_randomTags)", "random_tags", "tags"),
    "self": Arm("self-training, labels checked by reports", "scratch", None, taught="network", labels="report"),
}
INTERVENTIONS: Mapping[str, Arm] = {
    "rate_1": Arm("pretrained weights at the full rate", "both", "tags", tuning=Tuning(encoder_rate=1.0)),
    "rate_03": Arm("pretrained weights at 0.3 of the rate", "both", "tags", tuning=Tuning(encoder_rate=0.3)),
    "frozen": Arm("pretrained weights stay as they are", "both", "tags", tuning=Tuning(encoder_rate=0.0)),
    "tags_rate_1": Arm("+ tags (encoder only) at the full rate", "encoder", "tags", tuning=Tuning(encoder_rate=1.0)),
    "autoencoder_rate_1": Arm(
        "masked autoencoder at the full rate", "encoder", "autoencoder", tuning=Tuning(encoder_rate=1.0)
    ),
    "scaled": Arm("maps enter as a / tau", "both", "tags", tuning=Tuning(injected="scaled")),
    "probability": Arm("maps enter as probabilities", "both", "tags", tuning=Tuning(injected="probability")),
    "no_auxiliary": Arm("no auxiliary loss", "both", "tags", tuning=Tuning(auxiliary_weight=0.0)),
    "reconstruction": Arm("pretraining: + masked reconstruction", "both", "reconstruction"),
    "no_contrast": Arm("pretraining: no image-report contrast", "both", "no_contrast"),
    "no_sentences": Arm("pretraining: no organ-sentence alignment", "both", "no_sentences"),
    "stride_4": Arm("pretraining: maps of stride 4", "both", "stride_4"),
    "local": Arm("pretraining: maps of stride 2 that see 13 pixels", "both", "local"),
    "temperature_03": Arm("pretraining: attention temperature 0.3", "both", "temperature_03"),
    "asymmetric": Arm("pretraining: asymmetric tag loss", "both", "asymmetric"),
    "longer": Arm("pretraining: three times as long", "both", "longer"),
    "self_findings": Arm(
        "self-training, also by silence on lesions", "scratch", None, taught="network", labels="findings"
    ),
    "self_regions": Arm("self-training, regions of reports", "scratch", None, taught="network", labels="regions"),
    "self_images": Arm("self-training without reports", "scratch", None, taught="network", labels="nothing"),
    "self_ensemble": Arm(
        "self-training, labels of three networks", "scratch", None, taught="network", labels="report", teachers=3
    ),
    "self_both": Arm("self-training, then the full trainer", "both", "tags", taught="network", labels="report"),
    "ceiling_encoder": Arm(
        "ceiling: encoder that learned from other labelled cases", "scratch", None, pretrained=False, taught="encoder"
    ),
    "ceiling_network": Arm(
        "ceiling: whole network that learned from them", "scratch", None, pretrained=False, taught="network"
    ),
    "ceiling_network_rate_01": Arm(
        "ceiling: whole network, a tenth of the rate",
        "scratch",
        None,
        pretrained=False,
        tuning=Tuning(rate=0.1),
        taught="network",
    ),
}
"""Each changes one thing of the full trainer, "both", of its control or of self-training; ceilings start from what
labels taught. `self_both` starts from all of the student's network: of its bundle it has the maps, not the encoder."""
INTERVENTION_CASES = (4, 64)
ARMS: Mapping[str, Arm] = {**MAIN_ARMS, **INTERVENTIONS}
REFERENCES = ("scratch", "scratch_longer", "maps_untrained", "autoencoder")
"""Arms that every other is compared with, case by case."""


@dataclass(frozen=True)
class Family:
    """A network and its configuration.

    Attributes:
        name: in commands and tables. configuration: nnU-Net's. dim: of pretraining. arms: which there are.
    """

    name: FamilyName
    configuration: Literal["2d", "3d_fullres"]
    dim: Literal[2, 3]
    arms: tuple[str, ...] = tuple(MAIN_ARMS)


FAMILIES: Mapping[str, Family] = {
    "2d": Family("2d", "2d", 2),
    "3d_fullres": Family("3d_fullres", "3d_fullres", 3),
    "unetr": Family("unetr", "2d", 2, ("scratch", "contrastive", "autoencoder", "tags", "both")),
}


@dataclass(frozen=True)
class Block:
    """Part of the required core."""

    family: FamilyName
    arms: tuple[str, ...]
    cases: tuple[int, ...]
    finetuning_seeds: int


CORE = (
    Block("2d", tuple(MAIN_ARMS), (4, 16, 64), FINETUNING_SEEDS),
    Block(
        "3d_fullres",
        ("scratch", "scratch_longer", "maps_untrained", "autoencoder", "tags", "both", "self"),
        (4, 16),
        3,
    ),
    Block("unetr", ("scratch", "both"), (4,), 3),
)


@dataclass(frozen=True)
class Split:
    """Seeds that choices are made on, or that results are reported on.

    A seed of pretraining gives patients and initialization; one of finetuning draws the labelled cases and the initial
    weights. The streams of `pretraining.phantom` keep patients of pretraining and labelled patients apart whatever
    their seeds.

    Attributes:
        look: of the labelled cases.
        labelled: seed of the labelled patients. pretraining, finetuning: the first of their seeds.
    """

    look: Look
    labelled: int
    pretraining: int
    finetuning: int


USUAL = Look()
SHIFTED = Look(mr_noise=(0.04, 0.09), texture=1.5, spread=1.6, shading=(0.3, 0.6), blur=(0.4, 1.0))

SPLITS: Mapping[str, Split] = {
    "development": Split(USUAL, labelled=100, pretraining=200, finetuning=300),
    "reserved": Split(USUAL, labelled=1100, pretraining=1200, finetuning=1300),
    # Other scanners than the pretraining's, which is that of `reserved`.
    "shifted": Split(SHIFTED, labelled=2100, pretraining=1200, finetuning=2300),
}


@dataclass(frozen=True, kw_only=True)
class Patients:
    """Who is scanned, and how.

    Attributes:
        habits: of all patients.
        regions: of the pairs, drawn from uniformly. labelled_region: of the labelled cases.
        weightings: chance of each MR sequence, of pairs and labelled cases alike.
        key_slices: of the pairs; see `Protocol`.
        masks: folder of the pairs' masks in which the labels are.
    """

    habits: Habits = field(default_factory=Habits)
    # Most reports are of the abdomen, whose organs are labelled later.
    regions: tuple[str, ...] = ("abdomen", "abdomen", "chest", "pelvis")
    labelled_region: str = "abdomen"
    # One channel of whatever sequence was made (TotalSegmentator MRI, CHAOS and AMOS hold such mixtures): a few
    # labelled cases do not show all that an organ can look like, thousands of unlabelled ones do.
    weightings: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    key_slices: float = 0.25
    masks: Literal["masks", "lesions"] = "masks"


@dataclass(frozen=True)
class RealData:
    """Folders of the repository's neighbour `shared/data`.

    Attributes:
        pairs: 2D images with text, in `pairs.csv`. cases: labelled ones, named as nnU-Net does. channel: theirs.
    """

    pairs: str
    cases: str
    channel: str


@dataclass(frozen=True)
class Schedule:
    """Of one finetuning, for all arms alike.

    nnU-Net's 250,000 steps at a rate of 0.01 and a momentum of 0.99 shrink to a hundredth: a momentum of 0.9 forgets in
    10 steps instead of 100, and ten times the rate moves as far in the end. (16 cases of an earlier task, development
    seeds: 1,000 steps as nnU-Net makes them learned one organ of six, these four.)

    Attributes:
        rate: the first learning rate. momentum: of SGD; AdamW, a UNETR's optimizer, keeps its own.
    """

    epochs: int
    iterations: int
    validation_iterations: int = 2
    rate: float = 0.1
    momentum: float = 0.9


@dataclass(frozen=True)
class PretrainingSettings:
    """What all pretrainings share beside what `Size` and `Objective` say; names as in `TrainConfig`."""

    learning_rate: float = 2e-3
    embedding_dim: int = 64
    scratch_hidden_size: int = 64
    scratch_layers: int = 2
    max_tokens: int = 128


PRETRAINING = PretrainingSettings()


@dataclass(frozen=True)
class Network:
    """What the planner is told.

    Attributes:
        features: of the first stage; each further one has twice as many. batch: patches a step. patch: voxels.
        convolutions: a stage.
    """

    features: int
    batch: int
    patch: tuple[int, ...]
    convolutions: int = 2


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is segmented and how much of everything; the same for all arms.

    Attributes:
        task: name of the task.
        organs: labels, of organs or of lesions.
        patients: who is scanned.
        real: data that are not of synthetic patients; `patients` says nothing then.
        families, cases: that there is data for.
        volume, spacing: voxels and mm of synthetic labelled cases along z, y, x; pretraining sees the same. Real ones
            are as they are, and pretraining sees images of the same number of pixels.
        pool, held_out: labelled cases to draw from, and to score on.
        studies: image-report pairs, by dimension. pretraining_epochs: likewise.
        pretraining_batch: studies a step.
        smallest_edge: where the planner stops to halve.
        networks: by configuration.
        schedules: by family.
        transformer: width and depth of the UNETR's.
    """

    task: TaskName = "organs"
    organs: tuple[str, ...] = ("liver", "spleen", "kidney", "stomach", "aorta")
    patients: Patients = field(default_factory=Patients)
    real: RealData | None = None
    families: tuple[FamilyName, ...] = ("2d", "3d_fullres", "unetr")
    cases: tuple[int, ...] = CASES
    volume: tuple[int, int, int] = (16, 48, 48)
    spacing: tuple[float, float, float] = (13.0, 8.0, 8.0)
    pool: int = 128
    held_out: int = 24
    studies: Mapping[int, int] = field(default_factory=lambda: {2: 3000, 3: 1500})
    pretraining_epochs: Mapping[int, int] = field(default_factory=lambda: {2: 10, 3: 8})
    pretraining_batch: int = 32
    smallest_edge: int = 6
    networks: Mapping[str, Network] = field(
        default_factory=lambda: {"2d": Network(8, 4, (48, 48), 1), "3d_fullres": Network(8, 2, (16, 32, 32), 1)}
    )
    schedules: Mapping[str, Schedule] = field(
        default_factory=lambda: {
            "2d": Schedule(40, 75),
            "3d_fullres": Schedule(40, 40),
            "unetr": Schedule(40, 40, rate=1e-3),
        }
    )
    transformer: Mapping[str, int] = field(default_factory=lambda: {"width": 96, "layers": 6, "heads": 4, "token": 8})


FULL = Size()
LESIONS = replace(
    FULL,
    task="lesions",
    organs=("brain_tumor", "intracerebral_hemorrhage"),
    # Lesions are small.
    volume=(16, 64, 64),
    spacing=(13.0, 6.0, 6.0),
    smallest_edge=8,
    networks={"2d": Network(8, 4, (64, 64)), "3d_fullres": Network(8, 2, (16, 32, 32))},
    patients=Patients(
        habits=Habits(lesions=3.0, lesion_hosts={"brain": 0.85, "cerebellum": 0.15}, lesion_size=1.6),
        regions=("head",),
        labelled_region="head",
        # T1 is the sequence that tells the two apart.
        weightings=(1.0, 0.0, 0.0),
        key_slices=0.5,
        masks="lesions",
    ),
)
HIPPOCAMPUS = replace(
    FULL,
    task="hippocampus",
    organs=("anterior hippocampus", "posterior hippocampus"),
    real=RealData("pairs_vqarad", "mr_hippocampus_msd", "MR"),
    families=("2d",),
    cases=(1, 2, 4, 8),
    volume=(1, 96, 96),
    pool=10,
    held_out=10,
    # 92 studies are soon known by heart.
    pretraining_epochs={2: 50},
)
TASKS: Mapping[TaskName, Size] = {"organs": FULL, "lesions": LESIONS, "hippocampus": HIPPOCAMPUS}
QUICK = Size(
    organs=("liver", "spleen"),
    volume=(8, 32, 32),
    spacing=(26.0, 12.0, 12.0),
    pool=4,
    held_out=2,
    studies={2: 32, 3: 32},
    pretraining_epochs={2: 1, 3: 1},
    pretraining_batch=8,
    smallest_edge=4,
    networks={"2d": Network(8, 4, (32, 32)), "3d_fullres": Network(4, 2, (8, 32, 32))},
    schedules=dict.fromkeys(FAMILIES, Schedule(2, 2, 1)),
)

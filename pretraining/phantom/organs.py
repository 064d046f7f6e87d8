"""The organs that the phantom labels: their names in reports, sides and regions."""

from __future__ import annotations

from dataclasses import dataclass

from pretraining.phantom.traits import SIDES


@dataclass(frozen=True)
class Organ:
    """A labelled organ.

    Attributes:
        id: tag id. name: as a report writes it, with its side. adjective: "hepatic"; the name where none is used.
        regions: body regions in which it lies. pair: base id of a paired organ, else empty. side: "left", "right" or
            empty.
        plural: the name is a plural ("ribs are"). bones, muscles and vessels that reports rarely speak of are `minor`.
    """

    id: str
    name: str
    adjective: str
    regions: tuple[str, ...]
    pair: str = ""
    side: str = ""
    plural: bool = False
    minor: bool = False

    @property
    def heading(self) -> str:
        """Without its side, as a structured report files it: "Kidneys"."""
        if not self.pair:
            return self.name.capitalize()
        return plural_of(self.name.removeprefix(f"{self.side} ")).capitalize()


def plural_of(name: str) -> str:
    """The plural of an English name: "iliac arteries", "masses"."""
    irregular = {
        "femur": "femurs",
        "humerus": "humeri",
        "scapula": "scapulae",
        "gluteus maximus": "gluteus maximus muscles",
        "calculus": "calculi",
    }
    if name in irregular:
        return irregular[name]
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("ss") else f"{name}s"


# id, name, adjective, regions
_SINGLE: tuple[tuple[str, str, str, str], ...] = (
    ("liver", "liver", "hepatic", "abdomen"),
    ("spleen", "spleen", "splenic", "abdomen"),
    ("stomach", "stomach", "gastric", "abdomen"),
    ("pancreas", "pancreas", "pancreatic", "abdomen"),
    ("gallbladder", "gallbladder", "gallbladder", "abdomen"),
    ("duodenum", "duodenum", "duodenal", "abdomen"),
    ("small_bowel", "small bowel", "small bowel", "abdomen pelvis"),
    ("colon", "colon", "colonic", "abdomen pelvis"),
    ("esophagus", "esophagus", "esophageal", "chest neck"),
    ("trachea", "trachea", "tracheal", "chest neck"),
    ("heart", "heart", "cardiac", "chest"),
    ("aorta", "aorta", "aortic", "chest abdomen"),
    ("inferior_vena_cava", "inferior vena cava", "inferior vena cava", "abdomen chest"),
    ("superior_vena_cava", "superior vena cava", "superior vena cava", "chest"),
    ("portal_vein_and_splenic_vein", "portal vein", "portal venous", "abdomen"),
    ("urinary_bladder", "urinary bladder", "bladder", "pelvis"),
    ("prostate", "prostate", "prostatic", "pelvis"),
    ("uterus", "uterus", "uterine", "pelvis"),
    ("rectum", "rectum", "rectal", "pelvis"),
    ("sacrum", "sacrum", "sacral", "pelvis"),
    ("vertebrae", "vertebrae", "vertebral", "spine neck chest abdomen pelvis"),
    ("spinal_cord", "spinal cord", "spinal cord", "spine neck chest"),
    ("ribs", "ribs", "rib", "chest abdomen"),
    ("sternum", "sternum", "sternal", "chest"),
    ("costal_cartilages", "costal cartilages", "costal cartilage", "chest abdomen"),
    ("brain", "brain", "cerebral", "head"),
    ("cerebellum", "cerebellum", "cerebellar", "head"),
    ("brainstem", "brainstem", "brainstem", "head"),
    ("skull", "skull", "calvarial", "head"),
    ("mandible", "mandible", "mandibular", "head neck"),
    ("tongue", "tongue", "lingual", "head neck"),
    ("larynx", "larynx", "laryngeal", "neck"),
    ("thyroid_gland", "thyroid gland", "thyroid", "neck"),
)
_PLURAL = {"vertebrae", "ribs", "costal_cartilages"}
_MINOR = {
    "costal_cartilages", "sternum", "sacrum", "tongue", "skull", "superior_vena_cava", "hip", "femur", "humerus",
    "scapula", "clavicula", "gluteus_maximus", "autochthon", "iliopsoas", "iliac_artery", "iliac_vena",
    "common_carotid_artery", "rectum", "spinal_cord",
}  # fmt: skip
_PAIRED: tuple[tuple[str, str, str, str], ...] = (
    ("kidney", "kidney", "renal", "abdomen"),
    ("adrenal_gland", "adrenal gland", "adrenal", "abdomen"),
    ("lung", "lung", "pulmonary", "chest"),
    ("hip", "hip bone", "hip bone", "pelvis"),
    ("femur", "femur", "femoral", "pelvis"),
    ("humerus", "humerus", "humeral", "chest"),
    ("scapula", "scapula", "scapular", "chest"),
    ("clavicula", "clavicle", "clavicular", "chest"),
    ("gluteus_maximus", "gluteus maximus", "gluteus maximus", "pelvis"),
    ("autochthon", "autochthonous back muscle", "back muscle", "abdomen chest"),
    ("iliopsoas", "iliopsoas muscle", "iliopsoas", "abdomen pelvis"),
    ("iliac_artery", "iliac artery", "iliac arterial", "pelvis"),
    ("iliac_vena", "iliac vein", "iliac venous", "pelvis"),
    ("common_carotid_artery", "common carotid artery", "carotid", "neck"),
    ("parotid_gland", "parotid gland", "parotid", "head neck"),
    ("submandibular_gland", "submandibular gland", "submandibular", "neck"),
    ("eye", "eye", "ocular", "head"),
)


def _table() -> dict[str, Organ]:
    organs = {
        key: Organ(key, name, adjective, tuple(regions.split()), plural=key in _PLURAL, minor=key in _MINOR)
        for key, name, adjective, regions in _SINGLE
    }
    for key, name, adjective, regions in _PAIRED:
        for side in SIDES:
            organs[f"{key}_{side}"] = Organ(
                f"{key}_{side}",
                f"{side} {name}",
                f"{side} {adjective}",
                tuple(regions.split()),
                key,
                side,
                minor=key in _MINOR,
            )
    return organs


ORGANS: dict[str, Organ] = _table()
"""Tag id to organ, in the order of the label values."""


def members(organ: str) -> tuple[str, ...]:
    """The organs that a tag id stands for: itself, both sides of a pair, or nothing when it is not the phantom's."""
    return (organ,) if organ in ORGANS else tuple(key for key, value in ORGANS.items() if value.pair == organ)


LABELS: dict[str, int] = {organ: value for value, organ in enumerate(ORGANS, start=1)}
"""Tag id to label value in the masks; 0 is background."""

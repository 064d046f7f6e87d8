"""Words for what is seen; templates take `n` (left kidney), `a` (left renal), `is` and what their users fill in."""

from __future__ import annotations

NORMAL = (
    "the {n} {is} unremarkable",
    "the {n} {is} normal",
    "the {n} {is} within normal limits",
    "the {n} {is} normal in appearance",
    "normal {n}",
    "unremarkable {n}",
    "the {n} {demonstrates} no abnormality",
    "the {n} {is} normal in size and configuration",
)
NORMAL_PAIR = (
    "both {ns} are unremarkable",
    "the {ns} are normal bilaterally",
    "normal {ns} bilaterally",
    "the {ns} are within normal limits on both sides",
    "the right and left {n} are normal",
)
NO_LESION = (
    "no focal {a} lesion",
    "no focal {a} lesion is seen",
    "no {a} mass is identified",
    "no suspicious {a} lesion",
    "the {n} {demonstrates} no focal lesion",
    "the {n} {is} without focal mass",
    "there is no evidence of {a} mass",
)
NEGATED: dict[str, tuple[str, ...]] = {
    "kidney": ("no hydronephrosis of the {n}", "no calculus in the {n}", "no stone or hydronephrosis in the {n}"),
    "gallbladder": (
        "no gallstones in the gallbladder",
        "no gallbladder wall thickening",
        "no stones within the gallbladder",
    ),
    "aorta": ("no aneurysm of the aorta", "no aortic dissection"),
    "heart": ("no cardiac enlargement", "the heart is not enlarged"),
    "pancreas": ("no pancreatic ductal dilatation", "the pancreas shows no ductal dilatation"),
    "lung": ("no consolidation in the {n}", "the {n} is clear", "no nodule in the {n}"),
    "brain": ("no intracranial hemorrhage in the brain", "no mass effect on the brain", "the brain shows no infarct"),
    "urinary_bladder": ("no urinary bladder wall thickening", "no filling defect in the urinary bladder"),
    "spleen": ("no splenomegaly", "the spleen is not enlarged"),
    "vertebrae": ("no fracture of the vertebrae", "no destructive lesion of the vertebrae"),
    "colon": ("no wall thickening of the colon", "the colon is not dilated"),
    "small_bowel": ("no dilatation of the small bowel",),
    "thyroid_gland": ("no thyroid nodule", "the thyroid gland is not enlarged"),
    "stomach": ("no gastric wall thickening",),
    "liver": ("no intrahepatic ductal dilatation in the liver", "no hepatic mass"),
}

SIZE: dict[str, tuple[str, ...]] = {
    "enlarged": ("the {n} is enlarged", "enlargement of the {n}", "the {n} is increased in size", "enlarged {n}"),
    "atrophic": ("the {n} is atrophic", "the {n} is small", "atrophy of the {n}", "the {n} is decreased in size"),
    "hypertrophied": ("the {n} is hypertrophied", "compensatory hypertrophy of the {n}"),
    "distended": ("the {n} is distended", "the {n} is well distended"),
    "collapsed": ("the {n} is collapsed", "the {n} is decompressed"),
    "contracted": ("the {n} is contracted",),
    "aneurysmal": ("aneurysmal dilatation of the {n}", "the {n} is aneurysmal"),
}
SIZE_DISEASE = {
    ("liver", "enlarged"): "hepatomegaly",
    ("spleen", "enlarged"): "splenomegaly",
    ("heart", "enlarged"): "cardiomegaly",
    ("prostate", "enlarged"): "prostatomegaly",
}

# Density word to what CT and MR say of it.
DENSITY: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "steatosis": (
        (
            "diffuse low attenuation of the liver, consistent with steatosis",
            "the liver is diffusely hypoattenuating",
            "hepatic steatosis",
        ),
        ("fatty infiltration of the liver", "diffusely increased signal of the liver, consistent with steatosis"),
    ),
    "iron": (
        ("the {n} is diffusely hyperattenuating", "diffuse high attenuation of the {n}"),
        ("the {n} is diffusely low in signal, consistent with iron deposition", "diffuse loss of signal in the {n}"),
    ),
    "fatty": (
        ("fatty replacement of the {n}", "the {n} is diffusely hypoattenuating with fatty infiltration"),
        ("fatty replacement of the {n}",),
    ),
    "osteopenia": (("diffuse demineralization of the vertebrae",), ("fatty marrow signal of the vertebrae",)),
    "hypoattenuating": (("the {n} is diffusely hypoattenuating",), ("the {n} shows diffusely reduced signal",)),
    "dark": (
        ("the {n} is diffusely hypoattenuating", "decreased attenuation of the {n}", "the {n} is dark"),
        ("the {n} is diffusely hypointense", "decreased signal of the {n}", "the {n} is dark"),
    ),
    "bright": (
        ("the {n} is diffusely hyperattenuating", "increased attenuation of the {n}", "the {n} is bright"),
        ("the {n} is diffusely hyperintense", "increased signal of the {n}", "the {n} is bright"),
    ),
    "ground glass": (
        ("diffuse ground glass opacity of the {n}", "the {n} is diffusely hazy"),
        ("diffusely increased signal of the {n}",),
    ),
    "sclerosis": (("diffuse sclerosis of the vertebrae",), ("diffusely decreased signal of the vertebrae",)),
    "edema": (("diffuse cerebral edema in the brain",), ("diffuse edema of the brain",)),
}  # fmt: skip

# How a lesion of each kind looks: on CT, on T1 (plain or enhanced), on T2.
LESION_LOOK: dict[str, tuple[str, str, str]] = {
    "cyst": ("low-attenuation", "hypointense", "hyperintense"),
    "mass": ("heterogeneous", "heterogeneous", "heterogeneous"),
    "hypervascular": ("hyperenhancing", "enhancing", "hyperintense"),
    "nodule": ("soft tissue", "well-defined", "well-defined"),
    "calcification": ("dense", "hypointense", "hypointense"),
    "hemorrhage": ("hyperdense", "hyperintense", "hyperintense"),
}
LESION_NOUN: dict[str, str] = {
    "cyst": "cyst",
    "mass": "mass",
    "hypervascular": "lesion",
    "nodule": "nodule",
    "calcification": "calcification",
    "hemorrhage": "hemorrhage",
}
# What the kind is called in a particular organ.
LESION_NAME: dict[tuple[str, str], str] = {
    ("kidney", "calcification"): "calculus",
    ("gallbladder", "calcification"): "gallstone",
    ("urinary_bladder", "calcification"): "stone",
    ("lung", "calcification"): "calcified granuloma",
    ("liver", "calcification"): "calcified granuloma",
    ("spleen", "calcification"): "calcified granuloma",
    ("uterus", "mass"): "fibroid",
    ("adrenal_gland", "nodule"): "adenoma",
}
LESION = (
    "there is a {size} {look} {noun} in the {place}",
    "a {size} {look} {noun} is seen in the {place}",
    "{size} {look} {noun} in the {place}",
    "the {place} contains a {size} {look} {noun}",
)
LESION_UNSIZED = ("a {look} {noun} in the {place}", "there is a {look} {noun} in the {place}")
LESIONS = (
    "there are {count} {look} {nouns} in the {n}, the largest measuring {size}",
    "multiple {look} {nouns} in the {n}, up to {size}",
)

SURGERY_WORD: dict[str, str] = {
    "gallbladder": "cholecystectomy",
    "spleen": "splenectomy",
    "kidney": "nephrectomy",
    "stomach": "total gastrectomy",
    "pancreas": "total pancreatectomy",
    "adrenal_gland": "adrenalectomy",
    "urinary_bladder": "cystectomy",
    "uterus": "hysterectomy",
    "prostate": "prostatectomy",
    "thyroid_gland": "thyroidectomy",
    "lung": "pneumonectomy",
    "parotid_gland": "parotidectomy",
}
SURGERY = (
    "status post {op}",
    "the {n} is surgically absent",
    "the {n} has been removed",
    "surgically absent {n}",
    "postsurgical changes of {op}, with absence of the {n}",
)
SURGERY_HISTORY = ("status post {op}", "prior {op}", "history of {op}")
AGENESIS = ("agenesis of the {n}", "the {n} is congenitally absent", "congenital absence of the {n}")
OUTSIDE = (
    "the {n} is outside the field of view",
    "the {n} is not included in the field of view",
    "the {n} is not visualized",
)
EFFUSION = {
    "ascites": ("ascites is present", "moderate ascites", "free fluid in the abdomen"),
    "pleural_effusion": ("{side} pleural effusion", "there is a {side} pleural effusion"),
}
ECHO = (
    "the {n} is {comparison} relative to the {other}",
    "the {n} appears {comparison} compared with the {other}",
)
MEASURE = ("the {n} measures {size} in the axial plane", "the {n} is {size} in axial dimensions")

"""What the miner must understand: DESIGN.md section 4, and the traps that reports set."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pretraining.phantom.lesions import TAGS, base, tag_of
from pretraining.phantom.pairs import PairsJob, draw_pairs
from pretraining.phantom.presets import find_preset
from pretraining.phantom.streams import Stream
from pretraining.tags.miner import TagMiner

NONE = "unmentioned"


@pytest.fixture(scope="module")
def miner() -> TagMiner:
    return TagMiner()


def expect(miner: TagMiner, report: str, wanted: str) -> None:
    """Check states written as "liver -spleen ?colon": present, absent, unmentioned."""
    found = miner.mine(report).tags
    marks = {"-": "absent", "?": NONE}
    expected = {word.lstrip("-?"): marks.get(word[0], "present") for word in wanted.split()}
    for tag in expected:
        assert tag in miner.vocabulary, f"the test names an unknown tag {tag}"
    assert {tag: found.get(tag, NONE) for tag in expected} == expected, found


NEGATED_FINDINGS = [
    ("No focal liver lesion.", "liver"),
    ("No evidence of appendicitis.", "appendix"),
    ("No hydronephrosis or nephrolithiasis.", "kidney"),
    ("There is no splenomegaly.", "spleen"),
    ("The pancreas is unremarkable without ductal dilatation.", "pancreas"),
    ("No cardiomegaly, pleural effusion or pneumothorax.", "heart pleura lung"),
    ("Absence of gallstones.", "gallbladder"),
    ("No kidney stones.", "kidney"),
    ("No renal or ureteral calculi.", "kidney ureter"),
    ("No liver, spleen or kidney abnormality.", "liver spleen kidney"),
    ("No intrahepatic biliary ductal dilatation.", "liver bile_duct"),
    ("Thyroid nodules are not seen.", "thyroid_gland"),
    ("No aortic aneurysm.", "aorta"),
    ("The gallbladder is not distended.", "gallbladder"),
    ("The uterus is not enlarged.", "uterus"),
    ("Absent enhancement of the spleen.", "spleen"),
    ("Absence of flow in the portal vein.", "portal_vein"),
    ("No lymph nodes are seen.", "lymph_node"),
]

ABSENT = [
    ("Status post splenectomy.", "-spleen"),
    ("The spleen is surgically absent.", "-spleen"),
    ("Surgically absent gallbladder.", "-gallbladder"),
    ("Empty gallbladder fossa.", "-gallbladder"),
    ("The gallbladder fossa is empty.", "-gallbladder"),
    ("Gallbladder: surgically absent.", "-gallbladder"),
    ("GALLBLADDER: Surgically absent.", "-gallbladder"),
    ("Gallbladder - absent.", "-gallbladder"),
    ("The patient is s/p cholecystectomy.", "-gallbladder"),
    ("Post-cholecystectomy status.", "-gallbladder"),
    ("Cholecystectomy clips are noted.", "-gallbladder"),
    ("Uterus and ovaries are surgically absent.", "-uterus -ovary -ovary_left -ovary_right"),
    ("The liver and spleen were not included.", "-liver -spleen"),
    ("The appendix is not visualized.", "-appendix"),
    ("The appendix is not visualised, no inflammatory change is seen.", "-appendix"),
    ("Non-visualization of the gallbladder.", "-gallbladder"),
    ("The uterus could not be identified.", "-uterus"),
    ("The bladder lies outside the field of view.", "-urinary_bladder"),
    ("The lung bases are clear. The prostate is outside the field of view.", "lung -prostate"),
    ("Agenesis of the gallbladder.", "-gallbladder"),
    ("Left renal agenesis.", "-kidney_left ?kidney ?kidney_right"),
    ("Bilateral renal agenesis.", "-kidney -kidney_left -kidney_right"),
    ("Bilateral nephrectomy.", "-kidney -kidney_left -kidney_right"),
    ("The kidneys are not visualized.", "-kidney -kidney_left -kidney_right"),
    ("Neither kidney is seen.", "-kidney -kidney_left -kidney_right"),
    ("No spleen is identified.", "-spleen"),
    ("No gallbladder.", "-gallbladder"),
    ("Total thyroidectomy has been performed.", "-thyroid_gland"),
    ("History of hysterectomy.", "-uterus"),
    ("Status post total abdominal hysterectomy and bilateral salpingo-oophorectomy.", "-uterus -ovary"),
    ("TAH-BSO in 2001.", "-uterus -ovary"),
    ("Status post radical prostatectomy.", "-prostate"),
    ("The spleen has been removed.", "-spleen"),
    ("The left adrenal gland is absent.", "-adrenal_gland_left ?adrenal_gland"),
    ("Status post right upper lobectomy with clear lungs.", "lung"),
    ("Prior right upper lobectomy.", "-lung_upper_lobe_right ?lung ?lung_right"),
    ("Asplenia.", "-spleen"),
    ("Status post left pneumonectomy.", "-lung_left -lung_upper_lobe_left ?lung ?lung_right"),
    ("Status post total laryngectomy.", "-larynx"),
    ("Congenital absence of the left kidney.", "-kidney_left ?kidney"),
    ("The native kidneys are absent. Transplant kidney in the right iliac fossa.", "kidney ?kidney_right"),
    ("The spleen is absent, likely due to prior splenectomy.", "-spleen"),
    ("The gallbladder has been resected.", "-gallbladder"),
]

STILL_PRESENT = [
    ("Unremarkable liver, spleen, absent gallbladder, normal pancreas.", "liver spleen pancreas -gallbladder"),
    ("Liver normal, gallbladder absent, spleen normal.", "liver -gallbladder spleen"),
    ("Gallbladder removed, pancreas normal.", "-gallbladder pancreas"),
    ("Status post partial left nephrectomy.", "kidney kidney_left"),
    ("Status post laparoscopic partial nephrectomy.", "kidney"),
    ("Distal pancreatectomy changes.", "pancreas"),
    ("Status post right hemicolectomy.", "colon"),
    ("Sleeve gastrectomy.", "stomach"),
    ("Status post Whipple procedure.", "pancreas"),
    ("The tail of the pancreas is not visualized.", "pancreas"),
    ("The spleen is not well seen.", "spleen"),
    ("Part of the liver is outside the field of view.", "liver"),
    ("Extension into the cervix is not seen.", "uterus"),
    ("Subtotal hysterectomy.", "uterus"),
    ("Absence of the left sacrum.", "sacrum"),
    ("Malignancy of the pancreas cannot be excluded.", "pancreas"),
]

NOT_DONE = [
    ("Plan: cholecystectomy.", "?gallbladder"),
    ("The patient is scheduled for splenectomy.", "?spleen"),
    ("Preoperative study before nephrectomy.", "?kidney"),
    ("Gallstones; cholecystectomy is recommended.", "gallbladder"),
    ("Candidate for prostatectomy.", "?prostate"),
    ("Enlarged spleen prior to splenectomy.", "spleen"),
    ("Hysterectomy was discussed with the patient.", "?uterus"),
    ("No prior hysterectomy.", "?uterus"),
    ("Hysterectomy specimen.", "?uterus"),
    ("Mother had breast cancer.", "?breast"),
    ("Family history of colon cancer.", "?colon"),
    ("Her mother underwent hysterectomy.", "?uterus"),
    ("Liver metastases from breast cancer.", "liver ?breast"),
    ("Metastatic colon cancer to the liver.", "liver ?colon"),
    ("Recommend renal ultrasound.", "?kidney"),
    ("Ovarian cystectomy in 2010.", "?urinary_bladder"),
]

TRAPS = [
    ("Mass in the left upper quadrant.", "?kidney_left ?lung_upper_lobe_left ?spleen"),
    ("Heart rate 82 per minute.", "?heart"),
    ("Images were viewed at lung window and bone window.", "?lung"),
    ("Abnormal liver function tests.", "?liver"),
    ("Stool in the hepatic flexure.", "colon ?liver"),
    ("Thrombus in the splenic vein.", "splenic_vein ?spleen portal_vein_and_splenic_vein"),
    ("A kidney-shaped mass.", "?kidney"),
    ("Portal venous phase images.", "?portal_vein"),
    ("Axial T1 and T2 weighted images.", "?vertebrae"),
    ("Nasogastric tube.", "?stomach"),
    ("Transesophageal view.", "?esophagus"),
    ("Sigmoid sinus thrombosis.", "?colon brain"),
    ("Femoral artery access.", "?femur"),
    ("Anterior superior iliac spine.", "?vertebrae hip"),
    ("Umbilical cord.", "?spinal_cord"),
    ("Carpal tunnel syndrome.", "?carpal"),
    ("Renal vein thrombosis.", "?kidney"),
    ("Brain death.", "?brain"),
    ("Hepatic encephalopathy.", "?liver"),
    ("Intramedullary nail fixation of the tibia.", "?spinal_cord tibia"),
    ("Subcutaneous emphysema.", "?lung"),
    ("Renal function is normal.", "?kidney"),
    ("Seen at the level of the aortic valve.", "heart ?aorta"),
    ("Pulmonary artery is dilated.", "pulmonary_artery ?lung"),
    ("Stage T3 N1 tumor.", "?vertebrae_T3"),
    ("A left renal artery stent.", "renal_artery_left ?kidney_left"),
    ("Thyroid cartilage is intact.", "larynx ?thyroid_gland"),
]

PLACING = [
    ("Cardiomegaly.", "heart"),
    ("Nephrolithiasis.", "kidney"),
    ("Hepatosplenomegaly.", "liver spleen"),
    ("Heart size is normal. Lungs are clear.", "heart lung"),
    ("Brain MRI shows a glioma.", "brain brain_tumor"),
    ("Hepatic steatosis.", "liver"),
    ("Oesophageal thickening with haemorrhage.", "esophagus"),
    ("Fractures of the ribs.", "ribs"),
    ("Compression fracture of L1.", "vertebrae_L1 vertebrae_lumbar vertebrae"),
    ("Degenerative changes at L4-5.", "vertebrae_L4 vertebrae_L5 ?vertebrae_L3"),
    ("Fusion from T10 to T12.", "vertebrae_T10 vertebrae_T11 vertebrae_T12"),
    ("Bilateral hilar lymphadenopathy.", "lymph_node lung"),
    ("Left ventricular hypertrophy.", "heart_ventricle_left heart ?heart_ventricle_right"),
    ("Both atria are dilated.", "heart_atrium_left heart_atrium_right"),
    ("The third ventricle is dilated.", "third_ventricle brain ?heart"),
    ("Diverticulosis of the sigmoid colon.", "colon"),
    ("Terminal ileum is thickened.", "small_bowel"),
]

SIDES = [
    ("The left kidney is normal.", "kidney kidney_left ?kidney_right"),
    ("The kidney is normal.", "kidney ?kidney_left ?kidney_right"),
    ("Both kidneys are unremarkable.", "kidney kidney_left kidney_right"),
    ("Liver, spleen and both kidneys are unremarkable.", "liver spleen kidney kidney_left kidney_right"),
    ("Right kidney absent, left hypertrophied.", "kidney -kidney_right kidney_left"),
    ("The right kidney is absent; the left is hypertrophied.", "-kidney_right"),
    ("Status post right nephrectomy.", "-kidney_right ?kidney ?kidney_left"),
    ("Status post right nephrectomy. The left kidney is normal.", "-kidney_right kidney kidney_left"),
    ("Right and left kidneys are normal.", "kidney_left kidney_right"),
    ("Hydronephrosis on the left.", "kidney_left ?kidney_right"),
    ("Left lower pole large renal cyst.", "kidney_left"),
    ("Cyst in the upper pole of the right kidney.", "kidney_right ?kidney_left"),
    ("Left renal and adrenal masses.", "kidney_left adrenal_gland"),
    ("Right upper and middle lobe opacities.", "lung_upper_lobe_right lung_middle_lobe_right lung_right ?lung_left"),
    ("Right lower lobe pneumonia.", "lung_lower_lobe_right lung_right lung ?lung_left"),
    ("RUL nodule and LLL atelectasis.", "lung_upper_lobe_right lung_lower_lobe_left"),
    ("Middle lobe collapse.", "lung_middle_lobe_right lung_right"),
    ("Mediastinal shift to the right and collapse of the lung.", "lung ?lung_right"),
    ("Trachea deviated to the left by an enlarged lung.", "trachea lung ?lung_left"),
    ("Thrombus attached to the right ventricle.", "heart_ventricle_right"),
    ("Metastasis to the left lung.", "lung_left ?lung_right"),
    ("Right panel: kidney. Left panel: liver.", "kidney ?kidney_right ?kidney_left"),
    ("Left greater than right pleural effusions.", "pleura_left pleura_right"),
    ("Right-sided aortic arch.", "aorta"),
    ("Bilateral pleural effusions, larger on the left.", "pleura_left pleura_right pleural_effusion"),
    ("Fracture of the third left rib.", "rib_left_3 ?rib_right_3 ribs"),
    ("Fracture of the left 5th rib.", "rib_left_5"),
    ("Both kidney and liver are seen.", "kidney liver ?kidney_left"),
    ("Two renal cysts.", "kidney ?kidney_left"),
    ("S/P R nephrectomy, L kidney is normal.", "-kidney_right kidney_left"),
    ("Absent right kidney with compensatory hypertrophy of the left.", "-kidney_right kidney_left"),
    ("Solitary left kidney. The right renal fossa is empty.", "-kidney_right kidney_left"),
    ("Left and right adrenal glands are normal.", "adrenal_gland_left adrenal_gland_right"),
    ("Frontal and parietal lobes of the left side.", "frontal_lobe parietal_lobe"),
    ("Is the lesion in the left or right kidney? Right.", "kidney_right ?kidney_left"),
]

QUESTIONS = [
    ("Does the right kidney show signs of hydronephrosis? No.", "kidney_right kidney"),
    ("Are adrenal glands present in this image? no.", "-adrenal_gland"),
    ("Can you see the adrenals? no.", "-adrenal_gland"),
    ("Is this a study of the brain? no.", "?brain"),
    ("Is this a study of the brain? yes.", "brain"),
    ("Is the liver lacerated? No.", "liver"),
    ("What part of the liver is the mass located in? Left hepatic lobe.", "liver"),
    ("How many kidneys are in this image? 2.", "kidney_left kidney_right"),
    ("Is the spleen present? Yes.", "spleen"),
    ("What organ is enlarged? Spleen.", "spleen"),
    ("Which kidney is abnormal? Right.", "kidney_right ?kidney_left"),
    ("Is there an aortic aneurysm? no.", "aorta"),
    ("Has the gallbladder been removed? No.", "gallbladder"),
    ("Has the gallbladder been removed? Yes.", "-gallbladder"),
    ("Is there a pleural effusion? no.", "-pleural_effusion pleura"),
    ("Is the cerebellum present in the image? no. Is there a fracture? No.", "-cerebellum"),
    ("Is/Are there 4th ventricle present? No.", "-fourth_ventricle"),
    ("What organ is not pictured? The spleen.", "-spleen"),
    ("Is the left kidney visible? No. Is the right kidney visible? Yes.", "-kidney_left kidney_right kidney"),
]

SECTIONS = [
    ("HISTORY: Liver cirrhosis.\nFINDINGS: The lungs are clear.", "lung ?liver"),
    ("INDICATION: Breast cancer, renal stones.\nIMPRESSION: Normal heart.", "heart ?kidney ?breast"),
    ("TECHNIQUE: CT of the liver with contrast.\nFINDINGS: Normal spleen.", "spleen ?liver"),
    ("COMPARISON: Renal ultrasound 2010. FINDINGS: Normal spleen.", "spleen ?kidney"),
    ("HISTORY: Cholecystectomy.\nFINDINGS: The liver is normal.", "-gallbladder liver"),
    ("HISTORY: Splenectomy.\nFINDINGS: The spleen measures 9 cm.", "spleen"),
    ("Past surgical history: hysterectomy. Findings: Ovaries are normal.", "-uterus ovary"),
    ("History of splenectomy. The spleen is normal.", "spleen"),
    ("Status post splenectomy. Accessory spleen.", "-spleen"),
    ("Clinical history: nephrolithiasis. No gallstones are seen.", "gallbladder ?kidney"),
    ("HISTORY: Renal stones. Liver disease.\nFINDINGS: Normal heart.", "heart ?kidney ?liver"),
    ("EXAM: MRI BRAIN\nHISTORY: headache\nFINDINGS: No mass.", "brain"),
    ("HISTORY: pain.\nLIVER: Normal.\nKIDNEYS: No stones.", "liver kidney"),
    ("CLINICAL INFORMATION\nrenal failure, liver disease\nFINDINGS\nThe heart is enlarged.", "heart ?liver"),
]

HIERARCHY = [
    ("The right lung is clear.", "lung lung_right"),
    ("The right kidney is absent. The left kidney is absent.", "-kidney"),
    ("Splenic vein and portal vein are not visualized.", "-splenic_vein -portal_vein -portal_vein_and_splenic_vein"),
    ("The brain is not included.", "-brain -cerebellum"),
    ("Cerebellar infarct.", "cerebellum brain"),
    ("Right atrium is enlarged.", "heart heart_atrium_right ?heart_atrium_left"),
]

LESIONS = [
    ("There is a 2.3 cm heterogeneous mass in the frontal lobe of the brain.", "brain_tumor frontal_lobe brain"),
    ("A hypodense lesion (2.3 x 1.2 cm) is seen in the right lobe of the liver.", "liver_tumor"),
    ("Cyst in the upper pole of the left kidney.", "kidney_cyst kidney_cyst_left ?kidney_cyst_right ?kidney_tumor"),
    ("The right kidney contains a 3 cm heterogeneous mass.", "kidney_tumor kidney_right"),
    ("In the liver, there is a 2 cm metastasis.", "liver_tumor"),
    ("Liver: 2 cm mass.", "liver_tumor"),
    ("Hepatic and renal masses.", "kidney_tumor"),
    ("Cysts in both kidneys.", "kidney_cyst_left kidney_cyst_right"),
    ("Left renal cortical cysts.", "kidney_cyst_left ?kidney_cyst_right"),
    ("Masses in the liver and pancreas.", "liver_tumor pancreas_tumor"),
    ("8 mm nodule in the upper lobe of the left lung.", "lung_nodule"),
    ("Hematoma in the parietal lobe.", "intracerebral_hemorrhage ?brain_tumor"),
    # Said to be absent, in the organ that it was looked for in.
    ("No focal hepatic lesion.", "liver -liver_tumor"),
    ("The liver is normal in size without focal lesion.", "liver -liver_tumor"),
    ("The brain shows no mass or hemorrhage.", "brain -brain_tumor -brain_tumor_core -intracerebral_hemorrhage"),
    ("A renal mass is not seen.", "kidney -kidney_tumor ?kidney_cyst"),
    ("No renal lesion.", "-kidney_tumor -kidney_cyst"),
    # A lesion that may be either is neither, and one that is seen outweighs those that are not.
    ("Enhancing lesion in the right kidney.", "kidney_right ?kidney_tumor ?kidney_cyst"),
    ("No mass in the left kidney. The right kidney contains a mass.", "kidney_tumor"),
    ("No mass in the left kidney.", "?kidney_tumor"),
    ("No focal cerebral lesion. Glioma of the temporal lobe.", "brain_tumor"),
    # A normal organ has none.
    ("The liver, spleen and pancreas are unremarkable.", "-liver_tumor -pancreas_tumor"),
    ("Normal brain.", "-brain_tumor -intracerebral_hemorrhage"),
    ("The left kidney is normal.", "-kidney_cyst_left ?kidney_cyst ?kidney_tumor"),
    ("The liver is normal in size.", "?liver_tumor"),
    ("The liver is otherwise unremarkable.", "?liver_tumor"),
    ("The liver is not normal.", "?liver_tumor"),
    ("2 cm mass in the liver. The liver is unremarkable.", "liver_tumor"),
    ("Is the liver normal? Yes.", "liver -liver_tumor"),
    ("Is the liver normal? No.", "liver ?liver_tumor"),
    ("Is there a mass in the liver? No.", "liver -liver_tumor"),
    ("Her mother had a normal brain.", "?brain_tumor"),
    # Not this organ's, not now, not the patient's.
    ("Mass in the pancreas abutting the liver.", "pancreas_tumor liver ?liver_tumor"),
    ("Retroperitoneal mass compressing the liver.", "liver ?liver_tumor"),
    ("Mass in the right upper quadrant abutting the ascending colon.", "colon ?colon_tumor"),
    ("Size of the tumor and its relation to the right kidney.", "kidney_right ?kidney_tumor"),
    ("No mass effect on the brain.", "brain ?brain_tumor"),
    ("The spleen contains a cyst. The kidneys are small.", "?kidney_cyst"),
    ("The liver is displaced by a mass.", "?liver_tumor"),
    ("History of renal mass. Normal spleen.", "?kidney_tumor"),
    ("Mother had a brain tumor.", "?brain_tumor"),
    ("Cyst in the nephrectomy bed.", "?kidney_cyst"),
]


REPORTS = (
    NEGATED_FINDINGS + ABSENT + STILL_PRESENT + NOT_DONE + TRAPS + PLACING + SIDES + QUESTIONS + SECTIONS + HIERARCHY
)


@pytest.mark.parametrize(("report", "wanted"), REPORTS + LESIONS)
def test_what_a_report_means(miner: TagMiner, report: str, wanted: str) -> None:
    expect(miner, report, wanted)


def test_lesions_of_the_phantoms_reports(miner: TagMiner) -> None:
    """Nearly all that are stated are found, and none that is not."""
    preset = find_preset("default")
    protocol = replace(preset.pretraining_2d.protocol, key_slices=1.0)
    job = PairsJob(
        folder=Path(),
        stream=Stream(11, "train"),
        count=250,
        studies_per_patient=1,
        population=replace(preset.pretraining_2d, protocol=protocol),
        reporting=preset.reporting,
    )
    counts: Counter[tuple[bool, str]] = Counter()
    for _, _, _, report in draw_pairs(job, miner.vocabulary):
        mined = miner.mine(report.text).tags
        stated = {
            tag_of(organ, kind)
            for organ, kind in report.lesions
            # A "hypervascular lesion" of a kidney is a tumor that its words do not name.
            if (base(organ), kind) != ("kidney", "hypervascular")
        }
        counts.update((tag in stated, mined.get(tag, NONE)) for tag in TAGS)
    stated = sum(count for (said, _), count in counts.items() if said)
    assert stated >= 15
    assert counts[True, "present"] >= 0.95 * stated
    assert counts[False, "present"] == 0
    assert counts[False, "absent"] > stated

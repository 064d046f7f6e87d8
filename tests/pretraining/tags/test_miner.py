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
from pretraining.tags.rules import load_rules
from pretraining.tags.segments import Segmenter

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
    ("Multiple missing teeth.", "teeth"),
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
    ("Gallbladder: S/P removal.", "-gallbladder"),
    ("Pancreas is obscured by overlying bowel gas.", "-pancreas"),
    ("The pancreas could not be assessed.", "-pancreas"),
    ("The lung is not included.", "-lung -lung_left -lung_right"),
    ("The third and fourth ventricles are not visualized.", "-third_ventricle -fourth_ventricle ?ventricle"),
]

ONE_OF_A_PAIR = [
    ("Rt. kidney not seen. Lt. kidney is normal.", "-kidney_right kidney kidney_left"),
    ("The right ovary measures 3 cm. The other ovary is not visualized.", "ovary ovary_right ?ovary_left"),
    ("The contralateral kidney is absent.", "?kidney ?kidney_left ?kidney_right"),
    ("No kidney in the left renal fossa.", "-kidney_left ?kidney ?kidney_right"),
    ("No kidney is seen on the left.", "-kidney_left ?kidney ?kidney_right"),
    ("The left renal fossa is empty with the left kidney located in the pelvis.", "kidney kidney_left"),
    ("The kidneys are not visualized. The left kidney is small.", "kidney kidney_left ?kidney_right"),
    ("Status post bilateral mastectomy. Seroma of the left breast.", "-breast -breast_left -breast_right"),
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
    ("Status post Ivor Lewis esophagogastrectomy with gastric pull-up.", "stomach -esophagus"),
    ("The appendix is not seen on prior CT but is visualized today.", "appendix"),
    ("The spleen was not included on the previous examination and is normal today.", "spleen"),
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
    ("Status post left ovarian dermoid cystectomy.", "ovary_left ?urinary_bladder"),
    ("No evidence of prior hysterectomy.", "?uterus"),
    ("No history of prior cholecystectomy.", "?gallbladder"),
    ("Patient denies previous splenectomy.", "?spleen"),
    ("Not status post splenectomy.", "?spleen"),
    ("No complication after cholecystectomy.", "-gallbladder"),
    ("Prostate: N/A.", "?prostate"),
    ("Features suggest acute appendicitis, surgical consultation advised.", "appendix"),
    ("Sister Mary Joseph nodule with liver metastases.", "liver_tumor"),
    ("Her sister had a hysterectomy.", "?uterus"),
    ("Comparison is made with renal ultrasound of 2010.", "?kidney"),
    ("Compared to the prior brain MRI, the lungs are unchanged.", "lung ?brain"),
    ("Compared to the previous examination the liver mass is larger.", "liver_tumor"),
    ("The spleen is isointense relative to the liver.", "spleen liver"),
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
    ("The costophrenic sulci are sharp.", "pleura ?brain"),
    ("The tips of the pacemaker leads project over the right atrium.", "heart_atrium_right ?liver"),
    ("Pancreatic head mass infiltrates the duodenum.", "duodenum ?lung"),
    ("Disc extrusion with inferior sequestration at L5-S1.", "intervertebral_discs ?lung"),
    ("Ground-glass matrix of the left femur.", "femur_left ?lung"),
    ("Splenic hilar varices.", "spleen ?lung"),
    ("Left renal cortical atrophy.", "kidney_left ?brain"),
    ("Cystic hygroma in the posterior triangle of the neck.", "?brain"),
    ("Intradural extramedullary meningioma at T6.", "spinal_cord vertebrae_T6 ?brain"),
    ("Intramedullary astrocytoma of the cervical cord.", "spinal_cord ?brain ?brain_tumor"),
    ("Subcortical cysts in the greater tuberosity.", "humerus ?brain"),
    ("Gastric leiomyoma.", "stomach ?uterus"),
    ("Lower lobe of the right thyroid gland.", "thyroid_gland ?lung_lower_lobe"),
    ("Nodule in the lower lobe of the left parotid.", "parotid_gland_left ?lung_lower_lobe"),
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
    ("Right 2 cm adrenal nodule.", "adrenal_gland_right ?adrenal_gland_left"),
    ("Left 2.3 cm renal mass.", "kidney_left ?kidney_right kidney_tumor"),
    ("Opacity in the right lower and left upper lobes.", "lung_lower_lobe_right lung_upper_lobe_left"),
    ("Fractures of the right 4th, 5th and 6th ribs.", "rib_right_4 rib_right_5 rib_right_6"),
    ("Fracture of the left 3rd to 6th ribs.", "rib_left_3 rib_left_4 rib_left_5 rib_left_6"),
    ("Fractures: 9th-11th ribs on the right.", "rib_9 rib_10 rib_11 ?rib_12"),
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
    ("Nodule in the right lung - metastasis? No pleural effusion.", "lung_nodule -pleural_effusion"),
    ("In the image, is there a mass in the liver? No.", "-liver_tumor"),
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
    ("CLINICAL INFORMATION\r\nRenal failure, liver disease\r\nFINDINGS\r\nThe heart is enlarged.", "heart ?liver"),
    ("RIGHT KIDNEY: Surgically absent. LEFT KIDNEY: Normal.", "-kidney_right kidney_left"),
    ("HISTORY: COPD FINDINGS: Normal spleen.", "spleen"),
    # Findings without a header of their own.
    ("Comparison: None.\nLiver: Normal.\nSpleen: Surgically absent.", "liver -spleen"),
    ("HISTORY: Pain.\nTechnique: CT.\nLiver: Normal.\nIMPRESSION: Normal.", "liver"),
    ("INDICATION: Cough.\nCOMPARISON: None.\n\nThe lungs are clear.\n\nIMPRESSION: Normal.", "lung"),
    ("COMPARISON:\n\nRenal ultrasound.\n\nThe lungs are clear.\n\nIMPRESSION: Normal.", "lung ?kidney"),
    ("History: cough\nComparison: Renal CT of 2019\nThe lungs are clear.", "lung ?kidney"),
    ("HISTORY: Cirrhosis.\n\nPMH: Renal stones.\n\nBreast cancer.\n\nFINDINGS: Normal heart.", "heart ?kidney ?breast"),
    ("Family history: none.\n\nBreast cancer.", "?breast"),
    # Without capitals.
    ("the spleen is absent. the liver is normal.", "-spleen liver"),
    ("the spleen is absent\nthe liver is normal", "-spleen liver"),
    ("the patient is examined because of pain: the right\nkidney is absent. no stones.", "-kidney_right ?kidney"),
    ("history: liver cirrhosis\nfindings: the lungs are clear.", "lung ?liver"),
    ("indication: liver pain. comparison: none. the lungs are clear. no mass.", "lung ?liver"),
    ("cyst of the l. kidney. the r. kidney is normal.", "kidney_cyst_left kidney_right"),
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
    ("Cirrhotic liver with regenerative nodules.", "liver ?liver_tumor"),
    ("Two hypodense lesions in the liver are compatible with simple cysts.", "liver ?liver_tumor"),
    ("Mass in the liver, simple cyst in the right kidney.", "liver_tumor kidney_cyst_right"),
    ("Lesion (arrow) in the liver.", "liver_tumor"),
    ("Epidural hematoma in the left temporal region.", "?intracerebral_hemorrhage"),
    # Denied in other words, or gone.
    ("Pericardial effusion: None.", "-pericardial_effusion pericardium"),
    ("Pericardial effusion: negative.", "-pericardial_effusion"),
    ("Pulmonary nodules: none identified.", "-lung_nodule lung"),
    ("Pleural effusion: no.", "-pleural_effusion"),
    ("Pleural effusion, no pulmonary nodule.", "pleural_effusion -lung_nodule"),
    ("Nil pleural effusion.", "-pleural_effusion"),
    ("Study is negative for pleural effusion.", "-pleural_effusion"),
    ("No findings to suggest liver metastasis.", "-liver_tumor liver"),
    ("No imaging findings of brain metastasis.", "-brain_tumor"),
    ("Previously noted pericardial effusion has resolved.", "-pericardial_effusion"),
    ("Resolution of the pleural effusion.", "-pleural_effusion"),
    ("Pleural effusions have resolved with a small residual nodule of the lung.", "-pleural_effusion lung_nodule"),
    ("The nodule in the posterior part of the lung is no longer visualized.", "-lung_nodule lung"),
    # Left open.
    ("No new pulmonary nodules.", "?lung_nodule lung"),
    ("Pleural effusion is unlikely.", "?pleural_effusion pleura"),
    ("Suspected liver metastasis in segment 8 cannot be confirmed.", "?liver_tumor liver"),
    ("Status post resection of left frontal glioma.", "?brain_tumor brain"),
    ("Lungs are clear of focal airspace disease.", "lung ?lung_nodule"),
    # It is there, unchanged.
    ("No significant interval change in the small left pleural effusion.", "pleural_effusion"),
    ("No increase in size of the known liver metastases. Liver CT.", "liver_tumor"),
    ("Without change in the 6 mm pulmonary nodule.", "lung_nodule"),
    ("Nodule in the lung not seen on prior CT.", "lung_nodule"),
]


REPORTS = (
    NEGATED_FINDINGS
    + ABSENT
    + ONE_OF_A_PAIR
    + STILL_PRESENT
    + NOT_DONE
    + TRAPS
    + PLACING
    + SIDES
    + QUESTIONS
    + SECTIONS
    + HIERARCHY
)


@pytest.mark.parametrize(("report", "wanted"), REPORTS + LESIONS)
def test_what_a_report_means(miner: TagMiner, report: str, wanted: str) -> None:
    expect(miner, report, wanted)


def test_headers_in_capitals_are_whole() -> None:
    segmenter = Segmenter(load_rules())
    for header, kind in load_rules().sections.items():
        report = f"CT. {header.upper()}: The liver.\nFINDINGS: The heart."
        found = {report[start:end]: section for start, end, section, _ in segmenter.segments(report)}
        assert found == {"CT.": "findings", "The liver.": kind, "The heart.": "findings"}


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

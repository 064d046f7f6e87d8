from __future__ import annotations

import pytest

from pretraining.errors import UserError

XML = """<?xml version="1.0"?><eCitation><uId id="CXR1"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="FINDINGS">Heart size &amp; lungs normal.</AbstractText>
<AbstractText Label="IMPRESSION"/></Abstract></Article></MedlineCitation>
<parentImage id="CXR1_1_IM-0001-3001"/><parentImage id="CXR1_1_IM-0001-4001"/></eCitation>"""


def test_xml_reports(read, write, touch, tmp_path):
    touch("NLMCXR_png/CXR1_1_IM-0001-3001.png", "NLMCXR_png/CXR1_1_IM-0001-4001.png")
    write("ecgen-radiology/1.xml", XML)
    write("ecgen-radiology/2.xml", XML.replace("CXR1", "CXR2").split("<parentImage")[0] + "</eCitation>")
    write("ecgen-radiology/3.xml", "<eCitation>")
    (record,), rejects = read(format="iu-xray")
    assert record.id == "CXR1"
    assert record.report == "COMPARISON: None.\nFINDINGS: Heart size & lungs normal."
    assert record.images[1] == tmp_path / "NLMCXR_png/CXR1_1_IM-0001-4001.png"
    assert (record.modality, record.regions) == ("XR", ("chest",))
    assert [(reject.id, reject.reason[:23]) for reject in rejects] == [
        ("CXR2", "the report has no image"),
        ("3", "3.xml is not well-forme"),
    ]


def test_csv_reports(read, write, touch, tmp_path):
    touch("images/images_normalized/1_IM-0001-4001.dcm.png")
    write(
        "indiana_reports.csv", "uid,MeSH,indication,findings,impression\n1,normal,Cough,Clear lungs.,Normal.\n2,,,x,\n"
    )
    write(
        "indiana_projections.csv",
        "uid,filename,projection\n1,1_IM-0001-4001.dcm.png,Frontal\n1,1_IM-0001-3001.dcm.png,Lateral\n9,9.png,Frontal\n",
    )
    (record,), rejects = read(format="iu-xray")
    assert record.report == "INDICATION: Cough\nFINDINGS: Clear lungs.\nIMPRESSION: Normal."
    assert record.images[0] == tmp_path / "images/images_normalized/1_IM-0001-4001.dcm.png"
    assert len(record.images) == 2
    assert {reject.id for reject in rejects} == {"2", "9"}


def test_another_folder_is_a_users_error(read):
    with pytest.raises(UserError, match="neither Open-i's XML"):
        read(format="iu-xray")

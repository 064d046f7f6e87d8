"""The model card: what a person reads before using a bundle."""

from __future__ import annotations

from pretraining.bundle.info import BundleInfo


def model_card(info: BundleInfo) -> str:
    """The `README.md` of a bundle: what it is, what it saw, how to use it, what it is not.

    Args:
        info: the contents of `bundle.json`.

    Returns:
        Markdown.
    """
    tags = "\n".join(f"| {tag.id} | {tag.studies} | {tag.absent} |" for tag in info.tags)
    figures = "\n".join(f"- {name}: {value:.4g}" for name, value in info.metrics.items() if isinstance(value, float))
    counts = "\n".join(f"- {name}: {value}" for name, value in info.data.items())
    citations = "\n".join(f"- {citation}" for citation in info.citations)
    trainer = "nnUNetTrainerMOSMOS_UNETR" if info.encoder.kind == "vit" else "nnUNetTrainerMOSMOS"
    return f"""# MOSMOS bundle: {info.dim}D {info.encoder.kind}

An image encoder pretrained on images and their reports with MOSMOS for nnU-Net, with what makes pixel-tag attention
maps: a pixel projector and one embedding a tag.

| | |
|---|---|
| encoder | {info.encoder.kind}, {info.dim}D, {info.encoder.input_channels} input channel(s) |
| map stride | {" x ".join(map(str, info.map_stride))} |
| embedding | {info.embedding_dim} |
| text encoder | {info.text_encoder.get("id", "")} |
| normalization | {info.normalization.to_dict()} |
| license of the weights | {info.license} |

## Use

```
nnUNetv2_mosmos_attach -d DATASET -b THIS_FOLDER
nnUNetv2_train DATASET 3d_fullres 0 -tr {trainer}
```

## Data

{counts}

## Validation figures

{figures or "none recorded"}

## Tags

| tag | studies that show it | studies that lack it |
|---|---|---|
{tags}

## Limits

A tag with few studies has a weak embedding and a weak map. Maps show where the network looks for an organ; they are not
a segmentation and not a medical device.

## Cite

{citations}
"""

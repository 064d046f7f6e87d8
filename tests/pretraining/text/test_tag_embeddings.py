import pytest
import torch

from pretraining.text.tag_embeddings import TagEmbeddings, random_prompt_features


def test_centering_tells_organs_apart_that_a_text_encoder_finds_alike():
    prompts = torch.ones(1, 32) * 5 + 0.01 * random_prompt_features(6, 32, seed=0)
    embed = TagEmbeddings(32, 16)
    with torch.no_grad():
        tags = embed(prompts)
    cosines = tags @ tags.T - torch.eye(6)
    assert tags.norm(dim=1).numpy() == pytest.approx(1, abs=1e-5)
    assert cosines.abs().max() < 0.9


def test_one_tag_has_finite_gradients():
    prompts = random_prompt_features(1, 32, seed=0).requires_grad_()
    embed = TagEmbeddings(32, 16)
    embed(prompts).sum().backward()
    assert torch.isfinite(prompts.grad).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in embed.parameters())


def test_more_tags_at_export_leave_the_trained_ones_as_they_were():
    prompts = random_prompt_features(6, 32, seed=0)
    trained = torch.tensor([True, False, True, True, False, True])
    embed = TagEmbeddings(32, 16)
    with torch.no_grad():
        assert torch.allclose(embed(prompts, trained)[trained], embed(prompts[trained]), atol=1e-6)

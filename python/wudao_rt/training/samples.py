"""Samples from the live weights."""

from __future__ import annotations

from wudao_rt.training.session import Session


def draw_samples(session: Session) -> list[str]:
    """Return one sample for each prompt of the config, else of the data source; the seed is the step."""
    output = session.config.output
    prompts = list(output.prompts or session.source.prompts)
    found = session.model.generate(prompts, max_new_tokens=output.sample_tokens, temperature=output.temperature,
                                   top_k=output.top_k, seed=session.step)
    return [one.text for one in found]

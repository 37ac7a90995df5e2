"""Samples from the live weights."""

from __future__ import annotations

import numpy as np

from wudao_rt.cogview import CogView
from wudao_rt.image.gallery import write_sheet
from wudao_rt.training.session import Session

_PICTURES = 4  # of each text


def draw_samples(session: Session) -> list[str]:
    """Return one sample for each prompt of the config, else of the data source; the seed is the step.

    A model that draws writes a sheet, a row for each prompt, and returns its name.
    """
    output = session.config.output
    prompts = list(output.prompts or session.source.prompts)
    if isinstance(session.model, CogView):
        return [_drawn(session, session.model, prompts)]
    found = session.model.generate(prompts, max_new_tokens=output.sample_tokens, temperature=output.temperature,
                                   top_k=output.top_k, seed=session.step)
    return [one.text for one in found]


def _drawn(session: Session, model: CogView, prompts: list[str]) -> str:
    output, file = session.config.output, session.folder / "samples" / f"step-{session.step}.png"
    codes = model.draw(prompts, _PICTURES, output.temperature, output.top_k, session.step, truncate=True)
    assert model.image_tokenizer is not None  # a run has one
    pictures = np.concatenate([model.image_tokenizer.decode(one) for one in codes])
    if session.ranks.first:
        write_sheet(file, pictures, _PICTURES)
    return f"{', '.join(prompts)}: {file}"

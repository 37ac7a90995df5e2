"""What a CogView can learn by heart. Numbers are the checks of the specification, section 12."""

from __future__ import annotations

import numpy as np
from wudao_rt import CogView, CogViewConfig, _core
from wudao_rt.cogview.templates import sample_of
from wudao_rt.data.blanks import collate

CONFIG = CogViewConfig(image_codes=32, text_tokens=40, hidden_size=64, num_layers=2, num_heads=4, max_positions=80,
                       side=8, fixed_positions=True)
PAIRS = 64


def test_sixty_four_pairs_are_learned_by_heart() -> None:  # check 33
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 32, (PAIRS, 8, 8))
    texts = [rng.integers(0, 40, 4).tolist() for _ in range(PAIRS)]
    model = CogView(CONFIG, seed=1)
    batch = dict(collate([sample_of(model.templates.text_first(text, one), CONFIG)
                          for text, one in zip(texts, codes, strict=True)], pad_id=model.ids.command("PAD")))
    trainer = _core.Trainer(model.core, {"name": "muon", "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.0,
                                         "momentum": 0.95, "newton_schulz": "float32"}, None, None)
    for step in range(120):
        share = min(1, (step + 1) / 10, (120 - step) / 40)
        trainer.step(batch, lr=5e-3 * share, muon_lr=0.03 * share, clip=1.0, shards=8, step=step)
    right = model.image_loss(texts, codes)
    assert right.mean() < 0.1
    assert (model.draw(texts, temperature=0)[:, 0] == codes).mean() >= 0.95
    wrong = model.image_loss([*texts[1:], texts[0]], codes)
    assert wrong.mean() > right.mean() + 1

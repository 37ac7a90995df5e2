"""Checkpoints: whole or not there, verified before they are used, the same bytes on every machine layout.

    run/checkpoints/step-N/   model.safetensors, optimizer.safetensors, config.toml, tokenizer/, state.json
    run/last                  the name of the newest one
"""

from wudao_rt.training.checkpoint.merge import merge
from wudao_rt.training.checkpoint.read import Restored, newest_good, restore, steps_of, verify
from wudao_rt.training.checkpoint.snapshot import FOLDER, Snapshot
from wudao_rt.training.checkpoint.write import last_good, save

__all__ = ["FOLDER", "Restored", "Snapshot", "last_good", "merge", "newest_good", "restore", "save", "steps_of",
           "verify"]

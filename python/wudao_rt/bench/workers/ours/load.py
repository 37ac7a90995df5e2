"""Loading a model folder, up to the first token of a prompt."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from . import model
from .first_token import first_logits
from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """The folder is made once; a fresh process counts what a cold start opens and reads."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        made = model.make(spec, folder)
        self.folder = folder / f"saved-{spec['dtype']}"
        made.save(self.folder)
        with np.load(folder / "inputs.npz") as inputs:
            self.ids = inputs["ids"][0]
        counting = [sys.executable, Path(__file__).with_name("first_token.py"), self.folder,
                    json.dumps(self.ids.tolist())]
        done = subprocess.run([str(word) for word in counting], check=True, capture_output=True, text=True)
        self.counted = json.loads(done.stdout)

    def run(self) -> dict[str, Any]:
        """Load and predict."""
        self.logits = first_logits(str(self.folder), self.ids)
        return self.counted

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits of the first token."""
        self.run()
        return {"logits": self.logits}

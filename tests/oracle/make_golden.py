"""Make the golden files with PyTorch, or compare them with what is there.

    python tests/oracle/make_golden.py            # writes tests/golden/glm.npz
    python tests/oracle/make_golden.py --check    # fails when it would write something else
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "golden")]

import setting
from torch_glm import TorchGLM

GOLDEN = Path(__file__).parent.parent / "golden" / "glm.npz"
TYPES = {"float64": (torch.float64, torch.float64), "float32": (torch.float32, torch.float32),
         "bfloat16": (torch.float32, torch.bfloat16)}


def model(dtype: str, activation: str = "gelu_tanh") -> TorchGLM:
    master, compute = TYPES[dtype]
    state = {name: torch.tensor(value, dtype=master) for name, value in setting.weights().items()}
    return TorchGLM(state, setting.CONFIG["num_layers"], setting.CONFIG["num_heads"], activation, compute)


def tensors(step: int) -> dict[str, torch.Tensor]:
    return {k: torch.tensor(v, dtype=None if k == "loss_mask" else torch.int64) for k, v in setting.batch(step).items()}


def make() -> dict[str, np.ndarray]:
    out: dict[str, np.ndarray] = {}
    from torch_glm import visible

    for activation in ("gelu_tanh", "gelu_erf"):
        glm, batch = model("float64", activation), tensors(0)
        seen = visible(batch["sep"], setting.LENGTH)
        logits = glm.logits(batch["ids"], batch["positions"], batch["block_positions"], seen)
        loss, gradients = glm.loss_and_gradients(batch)
        out[f"{activation}.logits"] = logits.detach().numpy()
        out[f"{activation}.loss"] = np.array(loss)
        if activation == "gelu_tanh":
            out |= {f"gradient.{name}": value.numpy() for name, value in gradients.items()}
    batches = [tensors(step) for step in range(setting.STEPS)]
    for dtype in TYPES:
        log = model(dtype).train(batches, setting.LR, setting.CLIP, **setting.ADAMW)
        out[f"train.{dtype}"] = np.array(log)
    return out


def differences(old: dict, new: dict) -> list[str]:
    """Names whose values differ by more than rounding: 1e-9 in float64, 1e-5 in float32, 2e-2 in bfloat16 runs."""
    limits = {"train.float32": 1e-5, "train.bfloat16": 2e-2}
    if set(old) != set(new):
        return sorted(set(old) ^ set(new))
    return [k for k in new if np.max(np.abs(old[k] - new[k])) > limits.get(k, 1e-9) * np.max(np.abs(new[k]))]


def main() -> int:
    torch.manual_seed(0)
    made = make()
    if "--check" not in sys.argv:
        np.savez_compressed(GOLDEN, **made)
        print(f"wrote {GOLDEN} ({GOLDEN.stat().st_size} bytes)")
        return 0
    with np.load(GOLDEN) as old:
        changed = differences(dict(old), made)
    print(f"golden: {len(made)} arrays, {len(changed)} differ {changed[:5]}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())

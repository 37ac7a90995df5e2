"""Other libraries in the process change no result and cost no deadlock; importing us costs little."""

from __future__ import annotations

import pytest
from processes import printed

LOGITS = """
import hashlib, numpy as np
{before}
import wudao_rt
{between}
shape = dict(vocab_size=64, hidden_size=32, num_layers=2, num_heads=2, max_positions=64)
model = wudao_rt.GLM(wudao_rt.GLMConfig(**shape), seed=1)
ids = np.arange(128).reshape(2, 64) % 64
places, zeros = np.tile(np.arange(64), (2, 1)), np.zeros((2, 64), int)
parts = []
for _ in range(5):
    {beside}
    parts.append(model.logits(ids, places, zeros, sep=np.array([3, 40])).tobytes())
print(hashlib.sha256(b"".join(parts)).hexdigest())
"""
PRODUCT = "np.ones((300, 300)) @ np.ones((300, 300))"


def digest(before: str = "", between: str = "", beside: str = "pass", **env: str) -> str:
    return printed(LOGITS.format(before=before, between=between, beside=beside), **env)


@pytest.mark.parametrize(
    "case",
    [
        {"before": PRODUCT},
        {"between": PRODUCT, "beside": PRODUCT},
        {"before": "import scipy.linalg; scipy.linalg.inv(np.eye(200))"},
        {"OMP_NUM_THREADS": "4"},
        {"WUDAO_NUM_THREADS": "1"},
        {"WUDAO_NUM_THREADS": "4"},
        {"WUDAO_NUM_THREADS": "2", "WUDAO_PIN_THREADS": "1"},
    ],
    ids=str,
)
def test_neighbours_change_no_bit(case: dict[str, str]) -> None:
    assert digest(**case) == digest()


def test_digest_sees_a_change() -> None:
    assert digest(beside="model.load_state_dict({k: v * 1.0001 for k, v in model.state_dict().items()})") != digest()


def test_models_in_python_threads_take_turns() -> None:
    code = LOGITS.format(before="", between="", beside="pass") + """
from concurrent.futures import ThreadPoolExecutor
call = lambda _: model.logits(ids, places, zeros, sep=np.array([3, 40])).tobytes()
with ThreadPoolExecutor(4) as pool:
    print(len(set(pool.map(call, range(40)))))
"""
    assert printed(code).splitlines()[-1] == "1"


def test_a_forked_child_computes() -> None:
    code = LOGITS.format(before="", between="", beside="pass") + """
import os
child = os.fork()
if child == 0:
    os._exit(0 if model.logits(ids, places, zeros, sep=np.array([3, 40])).tobytes() == parts[0] else 1)
print(os.waitpid(child, 0)[1])
"""
    assert printed(code, PYTHONWARNINGS="ignore").splitlines()[-1] == "0"


def test_import_is_light() -> None:
    heavy = ("matplotlib", "tokenizers", "sentencepiece", "opencc", "tensorboardX", "rich", "scipy", "torch")
    assert printed(f"import sys, wudao_rt; print([name for name in {heavy} if name in sys.modules])") == "[]"


def test_missing_name_is_an_attribute_error() -> None:
    code = "import wudao_rt\ntry:\n    wudao_rt.glm_of_tomorrow\nexcept AttributeError as error:\n    print(error)"
    assert printed(code) == "module 'wudao_rt' has no attribute 'glm_of_tomorrow'"


def test_every_public_name_is_there() -> None:
    code = "import wudao_rt; print([name for name in wudao_rt.__all__ if getattr(wudao_rt, name) is None])"
    assert printed(code) == "[]"

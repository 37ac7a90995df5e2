"""Training a CogView over ranks: the bits do not depend on how many there are."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from jobs import KIND, ROOT
from train_jobs import MOE, files, merged, train

sys.path.insert(0, str(Path(ROOT) / "tests" / "cogview"))
from small_run import train_blob_tokenizer, write_blobs, write_config  # noqa: E402

HOME = Path(ROOT) / "build" / "mpi" / f"pictures-{KIND}"
MODELS = {"dense": None, "experts": {"moe": MOE | {"pattern": "md"}}}
LAYOUTS = {"2": (2, {}), "4": (4, {}), "4-messages": (4, {"env": {"WUDAO_COMM_SHARED": "0"}}),
           "2-passes": (2, {"train__micro_shards": 1, "train__recompute": "true"})}


@cache
def home() -> Path:
    subprocess.run(["rm", "-rf", str(HOME)], check=True)
    write_blobs(HOME / "pictures")
    train_blob_tokenizer(HOME / "pictures", HOME / "vq", steps=20)
    return HOME


@cache
def alone(kind: str) -> tuple[Path, dict[str, str]]:
    config = write_config(home() / f"{kind}.toml", HOME / "pictures", HOME / "vq", MODELS[kind], dtype="bfloat16")
    done = train(1, config, HOME / f"{kind}-alone")
    assert done.code == 0, done.err
    return config, files(HOME / f"{kind}-alone" / "checkpoints" / "step-6")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", MODELS)
def test_the_layout_changes_no_byte(kind, layout):
    config, wanted = alone(kind)
    ranks, changes = LAYOUTS[layout]
    output = home() / f"{kind}-{layout}"
    done = train(ranks, config, output, **changes)
    assert done.code == 0, done.err
    found = merged(output)
    assert found == wanted and "image_tokenizer/model.safetensors" in found

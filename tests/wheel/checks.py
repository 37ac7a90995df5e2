"""What an installed release wheel has to do on a machine with neither a compiler nor libgomp; one line per check.

Run by test_wheel.py in a process of its own: python checks.py FOLDER, where FOLDER may be written to.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(sys.argv[1])
CHECKS: list[Callable[[], None]] = []
TOKENS = [6, 7, 8, 9]


def check(function: Callable[[], None]) -> Callable[[], None]:
    CHECKS.append(function)
    return function


def same(got: object, expected: object) -> None:
    if got != expected:
        raise SystemExit(f"expected {expected!r}, got {got!r}")


def maps(name: str) -> list[str]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sorted({line.split(maxsplit=5)[-1] for line in lines if name in line})


def tiny(**changes: object):
    import wudao_rt

    shape = {"vocab_size": 32, "hidden_size": 16, "num_layers": 2, "num_heads": 2, "max_positions": 32}
    return wudao_rt.GLM(wudao_rt.GLMConfig(**shape), seed=3, **changes)


def special():
    from wudao_rt.data.blanks import SpecialIds

    return SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, gmask=5)


def batch() -> dict:
    import numpy as np

    ids = np.array([[1, 6, 7, 5, 3, 8, 9, 0]])
    return {"ids": ids, "positions": np.arange(8)[None], "block_positions": np.zeros((1, 8), int), "sep": np.array([4])}


def cli(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wudao_rt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | env)


@check
def no_compiler_is_on_the_path() -> None:
    same([shutil.which(name) for name in ("cc", "c++", "g++", "gcc", "clang", "ld")], [None] * 6)


@check
def system_libgomp_is_hidden() -> None:
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return
    raise SystemExit("libgomp.so.1 of the system can be loaded")


@check
def package_imports() -> None:
    import wudao_rt

    same(Path(wudao_rt.__file__).is_relative_to(os.environ["WUDAO_EXPECTED_HOME"]), True)


@check
def import_is_light() -> None:
    heavy = {"matplotlib", "tokenizers", "opencc", "tensorboardX", "datasketch", "rich"}
    same(sorted(heavy & set(sys.modules)), [])


@check
def version_is_a_number() -> None:
    import wudao_rt

    same(wudao_rt.__version__.replace(".", "").isdigit(), True)


@check
def matrix_library_is_the_one_inside() -> None:
    tiny().logits(**batch())
    found = maps("libdnnl")
    same((len(found), "wudao_rt.libs" in found[0]), (1, True))


@check
def openmp_runtime_is_the_one_inside() -> None:
    found = [path for path in maps("libgomp") if "wudao_rt.libs" in path]
    same(len(found), 1)


@check
def info_names_kernels_and_library() -> None:
    import wudao_rt

    about = wudao_rt.info()
    same((about["kernels"], about["matmul"]), (about["cpu_levels"][-1], "plain"))


@check
def the_matrix_library_inside_can_be_asked_for() -> None:
    about = json.loads(cli("info", "--json", WUDAO_MATMUL="onednn").stdout)
    same((about["matmul"], "oneDNN" in about["matmul_float32"]), ("onednn", True))


@check
def parameters_have_names_and_shapes() -> None:
    state = tiny().state_dict()
    same(sum(array.size for array in state.values()), tiny().parameter_count)


@check
def logits_have_their_shape() -> None:
    same(tiny().logits(**batch()).shape, (1, 8, 32))


@check
def loss_and_gradients_are_finite() -> None:
    import numpy as np

    loss, gradients = tiny().loss_and_gradients(**batch(), targets=batch()["ids"], loss_mask=np.ones((1, 8)))
    same(bool(np.isfinite(loss)) and all(np.isfinite(g).all() for g in gradients.values()), True)


@check
def threads_do_not_change_bits() -> None:
    from wudao_rt import _core

    outputs = []
    for threads in (1, 2, 4):
        _core.set_threads(threads)
        outputs.append(tiny().logits(**batch()).tobytes())
    _core.set_threads(0)
    same(len(set(outputs)), 1)


@check
def bfloat16_and_float64_compute() -> None:
    import numpy as np

    exact, rough = (tiny(dtype=dtype).logits(**batch()) for dtype in ("float64", "bfloat16"))
    same(bool(np.max(np.abs(exact - rough)) < 2e-2 * np.max(np.abs(exact))), True)


@check
def text_is_generated() -> None:
    found = tiny().generate([TOKENS], max_new_tokens=5, min_new_tokens=5, special=special())
    same((len(found), len(found[0].token_ids)), (1, 5))


@check
def a_seed_repeats_itself() -> None:
    options = {"max_new_tokens": 8, "temperature": 1.0, "seed": 7, "num_samples": 3, "special": special()}
    first, second = ([g.token_ids for g in tiny().generate([TOKENS], **options)] for _ in range(2))
    same(first, second)


@check
def beams_are_searched() -> None:
    found = tiny().generate([TOKENS], max_new_tokens=4, num_beams=3, special=special())
    same(found[0].log_prob < 0, True)


@check
def text_is_scored() -> None:
    from wudao_rt.scoring import score

    one = score(tiny(), [TOKENS], [[8, 9]], special=special())[0]
    same((len(one.token_log_probs), one.log_prob < 0), (2, True))


@check
def models_are_saved_and_loaded() -> None:
    import wudao_rt

    model = tiny()
    model.save(FOLDER / "model")
    same(wudao_rt.load(FOLDER / "model").logits(**batch()).tobytes(), model.logits(**batch()).tobytes())


@check
def a_model_learns_from_own_text() -> None:
    import wudao_rt
    from wudao_rt.config import parse_config

    (FOLDER / "texts").mkdir()
    lines = (f"{a}{b}{c}{a}{b}{c}" for a in "天地玄黄宇宙" for b in "日月盈昃辰宿" for c in "寒来暑往秋收")
    (FOLDER / "texts" / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    tables = {
        "model": {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "max_positions": 64},
        "data": {"source": "text", "paths": [str(FOLDER / "texts")], "near_duplicates": 1.0},
        "train": {"steps": 20, "batch": 8, "length": 32, "lr": 0.01},
        "output": {"folder": str(FOLDER / "run")},
    }
    wudao_rt.train(parse_config(tables))
    log = [json.loads(line) for line in (FOLDER / "run" / "log.jsonl").read_text().splitlines()]
    same((len(log), log[-1]["loss"] < log[0]["loss"]), (20, True))


@check
def what_was_trained_writes_and_scores() -> None:
    import wudao_rt

    model = wudao_rt.load(FOLDER / "run")
    written = model.generate(["天地[gMASK]"], max_new_tokens=4, seed=1)[0]
    scored = model.score(["天地[gMASK]"], ["玄黄"])[0]
    same((isinstance(written.text, str), len(scored.token_log_probs), scored.log_prob < 0), (True, 2, True))


@check
def command_writes_with_what_was_trained() -> None:
    done = cli("generate", "--model", str(FOLDER / "run"), "--prompt", "天地[gMASK]", "--max-new-tokens", "3", "--json")
    same((done.returncode, json.loads(done.stdout.splitlines()[0])["prompt"]), (0, "天地[gMASK]"))


@check
def damaged_weights_are_refused() -> None:
    import numpy as np
    import wudao_rt

    model = tiny()
    state = model.state_dict()
    model.load_state_dict(state | {"word_embeddings.weight": np.full((32, 16), np.nan, np.float32)})
    model.save(FOLDER / "damaged")
    try:
        wudao_rt.load(FOLDER / "damaged")
    except wudao_rt.CheckpointError as error:
        same("finite" in str(error), True)
        return
    raise SystemExit("weights that are not numbers were taken")


@check
def mistakes_are_errors_of_ours() -> None:
    import wudao_rt

    try:
        wudao_rt.GLMConfig(vocab_size=32, hidden_size=15, num_layers=2, num_heads=2, max_positions=32)
    except wudao_rt.ConfigError as error:
        same(isinstance(error, ValueError), True)
        return
    raise SystemExit("a hidden size that heads do not divide was taken")


@check
def operations_run_on_arrays() -> None:
    import numpy as np
    import wudao_rt

    same(float(wudao_rt.ops.gelu(np.zeros(3, np.float32)).sum()), 0.0)


@check
def every_level_runs() -> None:
    import wudao_rt

    for level in wudao_rt.info()["cpu_levels"]:
        done = cli("info", "--json", WUDAO_CPU_ISA=level)
        same((done.returncode, f'"kernels": "{level}"' in done.stdout), (0, True))


@check
def command_explains_itself() -> None:
    done = cli("--help")
    same((done.returncode, "train" in done.stdout, done.stderr), (0, True, ""))


@check
def command_refuses_politely() -> None:
    done = cli("generate", "--model", str(FOLDER / "nowhere"), "--prompt", "x")
    same((done.returncode, "Traceback" in done.stderr), (2, False))


for function in CHECKS:
    function()
    print("passed", function.__name__, flush=True)

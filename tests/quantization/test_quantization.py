"""Weights of few bits: rounding, models, folders, the command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from wudao_rt import GLM, CheckpointError, ConfigError, GLMConfig, ShapeError, load
from wudao_rt.quantization import (
    QuantizedWeight,
    dequantize,
    pack_int4,
    quantize,
    quantize_int4,
    quantize_int8,
    quantized_forms,
    unpack_int4,
)

SHAPE = GLMConfig(vocab_size=96, hidden_size=64, num_layers=2, num_heads=2, max_positions=32, init_std=0.2)
FORMS = [("int8", 16), ("int8", 8), ("int4", 16), ("int4", 8)]


def weight(rows: int = 24, cols: int = 128) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, (rows, cols)).astype(np.float32)


def inputs() -> dict:
    ids = np.random.default_rng(1).integers(0, 96, (3, 20))
    positions = np.tile(np.arange(20), (3, 1))
    return {"ids": ids, "positions": positions, "block_positions": 0 * positions, "sep": np.array([4, 0, 9])}


def relative(a: np.ndarray, b: np.ndarray) -> float:
    return float(abs(a - b).max() / abs(b).max())


def test_int8_is_off_by_half_a_step_at_most() -> None:
    codes, scales = quantize_int8(weight())
    assert codes.min() >= -127
    assert (abs(weight() - dequantize(codes, scales)) <= 0.5001 * scales).all()
    assert np.allclose(scales[:, 0], abs(weight()).max(axis=1) / 127)


def test_int4_scales_are_bfloat16_and_no_worse_than_the_largest_weight_over_seven() -> None:
    codes, scales = quantize_int4(weight())
    assert (scales.view(np.uint32) & 0xFFFF == 0).all()
    assert codes.min() == -8 and codes.max() == 7
    groups = weight().reshape(24, -1, 64)
    plain = abs(groups).max(axis=2, keepdims=True) / 7
    plain_error = np.square(groups - np.rint(groups / plain) * plain).sum()
    assert np.square(weight() - dequantize(codes, scales)).sum() < plain_error
    # The largest weight of a group is not cut off.
    top = np.abs(groups).argmax(axis=2)[:, :, None]
    off = np.take_along_axis(groups - dequantize(codes, scales).reshape(groups.shape), top, axis=2)[:, :, 0]
    assert (abs(off) <= 0.51 * abs(scales)).all()


def test_int4_packs_and_unpacks() -> None:
    codes = np.random.default_rng(2).integers(-8, 8, (5, 64)).astype(np.int8)
    assert (unpack_int4(pack_int4(codes)) == codes).all()


def test_zeros_stay_zeros() -> None:
    for form in ("int8", "int4"):
        assert not quantize(np.zeros((4, 64), np.float32), form).dequantized().any()


@pytest.mark.parametrize(("form", "activation_bits"), FORMS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_computes_with_the_rounded_weights(form: str, activation_bits: int, dtype: str) -> None:
    model = GLM(SHAPE, seed=3, dtype=dtype)
    few = model.quantized(form, activation_bits)
    names = list(quantized_forms(2, form))
    rounded = {name: one.dequantized() if isinstance(one, QuantizedWeight) else one
               for name, one in few.weights().items()}
    assert [name for name, one in few.weights().items() if isinstance(one, QuantizedWeight)] == sorted(
        names, key=model.core.names().index)
    plain = GLM.from_arrays(SHAPE, rounded, dtype)
    bound = {"float32": 1e-3, "bfloat16": 3e-2}[dtype] if activation_bits == 16 else 8e-2
    assert 0 < relative(few.logits(**inputs()), plain.logits(**inputs())) < bound


@pytest.mark.parametrize(("form", "activation_bits"), FORMS)
def test_decoding_has_the_bits_of_the_whole_pass(form: str, activation_bits: int) -> None:
    from wudao_rt import _core

    model = GLM(SHAPE, seed=3, dtype="bfloat16").quantized(form, activation_bits)
    ids, positions, zeros = (inputs()[name][0].astype(np.int32) for name in ("ids", "positions", "block_positions"))
    decoder, cache = _core.Decoder(model.core), _core.KvCache(model.core)
    rows = [decoder.run([(cache, ids[:7], positions[:7], zeros[:7], False)], "all")]
    rows += [decoder.run([(cache, ids[i:i + 1], positions[i:i + 1], zeros[:1], False)]) for i in range(7, 20)]
    whole = model.logits(ids[None], positions[None], zeros[None], sep=np.array([0]))[0]
    assert np.array_equal(np.concatenate(rows), whole)


@pytest.mark.parametrize(("form", "activation_bits"), FORMS)
def test_a_folder_holds_the_same_model(form: str, activation_bits: int, tmp_path) -> None:
    few = GLM(SHAPE, seed=3, dtype="bfloat16").quantized(form, activation_bits)
    few.save(tmp_path)
    again = load(tmp_path)
    assert np.array_equal(again.logits(**inputs()), few.logits(**inputs()))
    assert (tmp_path / "model.safetensors").stat().st_size < {"int8": 200_000, "int4": 170_000}[form]


def test_codes_may_lie_anywhere() -> None:
    few = GLM(SHAPE, seed=3).quantized("int8")
    weights = few.weights()
    name = "transformer.layers.0.attention.query_key_value.weight"
    room = np.zeros(weights[name].codes.size + 1, np.uint8)
    odd = room[1:].reshape(weights[name].codes.shape)
    odd[:] = weights[name].codes
    moved = GLM.from_arrays(SHAPE, weights | {name: replace(weights[name], codes=odd)})
    assert np.array_equal(moved.logits(**inputs()), few.logits(**inputs()))


def test_it_cannot_be_trained_or_quantised_again() -> None:
    from wudao_rt import _core

    few = GLM(SHAPE).quantized("int8")
    with pytest.raises(ConfigError, match=r"train: model: expected float weights, got .* of 8 bits"):
        _core.Trainer(few.core, {"name": "adamw"})
    with pytest.raises(ConfigError, match="expected float weights"):
        few.quantized("int4")
    with pytest.raises(ConfigError, match="loss_and_gradients: model: expected float weights"):
        few.loss_and_gradients(**inputs(), targets=inputs()["ids"], loss_mask=np.ones((3, 20)))


def test_wrong_requests_are_told() -> None:
    model = GLM(SHAPE)
    with pytest.raises(ConfigError, match=r"quantize: format: expected a known name, got 'int3'\. Did you mean 'int8'"):
        model.quantized("int3")
    with pytest.raises(ConfigError, match="quantize: activation_bits: expected 8 or 16, got 4"):
        model.quantized("int8", 4)
    with pytest.raises(ConfigError, match="quantize: dtype: expected float32 or bfloat16, got float64"):
        GLM(SHAPE, dtype="float64").quantized("int8")
    narrow = GLMConfig(vocab_size=96, hidden_size=48, num_layers=1, num_heads=2, max_positions=8)
    with pytest.raises(ShapeError, match="quantize: weight: expected a matrix with rows of a multiple of 64 for int4"):
        GLM(narrow).quantized("int4")


@pytest.mark.parametrize("damage", ["missing", "scales", "table"])
def test_damaged_folders_are_told(damage: str, tmp_path) -> None:
    from safetensors.numpy import load_file, save_file

    GLM(SHAPE).quantized("int8").save(tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    name = "transformer.layers.0.attention.query_key_value.weight"
    if damage == "missing":
        del arrays[name + ".codes"]
    elif damage == "scales":
        arrays[name + ".scales"][0] = np.nan
    else:
        config = tmp_path / "config.toml"
        config.write_text(config.read_text().replace('"int8"', '"int9"'))
    save_file(arrays, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"load: .*expected .*, got .*Use another file\."):
        load(tmp_path)


def test_the_command_writes_a_folder_and_says_what_a_text_loses(tmp_path, trained_texts) -> None:
    source, text = trained_texts
    done = subprocess.run([sys.executable, "-m", "wudao_rt", "convert", source, tmp_path / "few", "--dtype", "bfloat16",
                           "--quantize", "int8", "--text", text, "--json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["quantize"] == "int8" and abs(report["nats_lost"]) < 0.05
    assert report["nats_lost"] == report["nats_per_token_quantized"] - report["nats_per_token"]
    assert load(tmp_path / "few").generate(["ab[gMASK]"], max_new_tokens=4)[0].token_ids


@pytest.fixture
def trained_texts(tmp_path):
    from wudao_rt.data.tokenizer import character_tokenizer

    tokenizer = character_tokenizer("abcdefgh .")
    shape = GLMConfig(vocab_size=64, hidden_size=64, num_layers=1, num_heads=2, max_positions=32)
    GLM(shape, tokenizer=tokenizer).save(tmp_path / "model")
    (tmp_path / "text.txt").write_text("abc def gah. " * 20)
    return tmp_path / "model", tmp_path / "text.txt"


@pytest.mark.parametrize(("form", "activation_bits"), FORMS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_scores_are_those_of_the_logits(form: str, activation_bits: int, dtype: str) -> None:
    from wudao_rt import _core

    few = GLM(SHAPE, seed=3, dtype=dtype).quantized(form, activation_bits)
    batch = inputs()
    targets = np.random.default_rng(4).integers(0, 96, batch["ids"].shape)
    counted = (np.random.default_rng(5).random(targets.shape) < 0.7).astype(np.float64)
    found = _core.log_probs(few.core, batch | {"targets": targets, "loss_mask": counted})
    logits = few.logits(**batch).astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = np.take_along_axis(expected, targets[:, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(np.asarray(found).reshape(targets.shape), np.where(counted > 0, expected, 0), atol=1e-5)


def test_the_vocabulary_is_in_int8_whatever_the_form() -> None:
    for form in ("int8", "int4"):
        weights = GLM(SHAPE, seed=3).quantized(form).weights()
        assert weights["word_embeddings.weight"].bits == 8
        assert not isinstance(weights["transformer.position_embeddings.weight"], QuantizedWeight)

"""The image tokenizer: shapes, codes, gradients, the book. Numbers are the checks of the specification, section 12."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import wudao_rt
from wudao_rt import VQConfig, VQTokenizer

TINY = VQConfig(channels=8, residual_blocks=1, residual_channels=4, codes=16, code_width=6, l1=0.5, l2=0.5)


def pictures(count: int, side: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


def test_parameters_of_cogview() -> None:  # check 2
    state = VQTokenizer(VQConfig.preset("cogview")).state_dict()
    count = {part: sum(a.size for name, a in state.items() if name.startswith(part)) for part in ("enc_b", "dec")}
    assert count == {"enc_b": 8_546_048, "dec": 10_488_835}
    assert state["enc_b.blocks.0.weight"].shape == (512, 3, 4, 4)
    assert state["dec.blocks.0.weight"].shape == (256, 512, 4, 4)
    assert state["dec.blocks.6.weight"].shape == (3, 512, 1, 1)
    assert state["quantize_t.embed"].shape == (256, 8192)


def test_codes_lie_as_the_picture_does() -> None:  # check 3
    config = VQConfig(channels=8, halvings=3, simple=True, residual_blocks=0, codes=64, code_width=8)
    tokenizer = VQTokenizer(config, seed=3)
    picture = pictures(1, 256)
    codes = tokenizer.encode(picture)
    assert codes.shape == (1, 32, 32) and codes.dtype == np.int32
    shifted = tokenizer.encode(np.roll(picture, 8, axis=2))
    np.testing.assert_array_equal(codes[:, 3:-3, 3:-4], shifted[:, 3:-3, 4:-3])


def test_a_code_is_nearest_to_itself() -> None:  # check 4
    tokenizer = VQTokenizer(TINY, seed=1)
    book = tokenizer.state_dict()["quantize_t.embed"].T
    np.testing.assert_array_equal(wudao_rt.ops.vq_assign(book, book), np.arange(TINY.codes))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "codes", "width"), [(1, 2, 1), (65, 300, 7), (200, 1000, 32)])
def test_the_nearest_code_is_found(dtype: str, rows: int, codes: int, width: int) -> None:
    rng = np.random.default_rng(rows)
    z, book = rng.normal(size=(rows, width)), rng.normal(size=(codes, width))
    distances = ((z[:, None] - book[None]) ** 2).sum(2)
    two = np.sort(distances, axis=1)[:, :2]
    clear = two[:, 1] - two[:, 0] > 1e-4
    assert clear.mean() > 0.9
    found = wudao_rt.ops.vq_assign(z, book, dtype=dtype)
    np.testing.assert_array_equal(found[clear], distances.argmin(1)[clear])


def test_the_lowest_of_equal_codes_is_taken() -> None:
    book = np.repeat(np.random.default_rng(0).normal(size=(10, 4)), 30, axis=0)
    found = wudao_rt.ops.vq_assign(book, book, dtype="float32")
    np.testing.assert_array_equal(found, np.repeat(np.arange(0, 300, 30), 30))


def loss_of(tokenizer: VQTokenizer, state: dict, images: np.ndarray) -> float:
    tokenizer.load_state_dict(state)
    return tokenizer.loss_and_gradients(images)[0]["loss"]


def test_gradients_of_the_decoder_are_those_of_the_loss() -> None:
    tokenizer = VQTokenizer(TINY, seed=5, dtype="float64")
    images = pictures(2)
    state = tokenizer.state_dict()
    _, gradients = tokenizer.loss_and_gradients(images)
    rng, step = np.random.default_rng(1), 1e-6
    for name in (name for name in gradients if name.startswith("dec")):
        at = tuple(rng.integers(0, size) for size in state[name].shape)
        two = []
        for sign in (1, -1):
            changed = {**state, name: state[name].copy()}
            changed[name][at] += sign * step
            two.append(loss_of(tokenizer, changed, images))
        numeric = (two[0] - two[1]) / (2 * step)
        assert abs(numeric - gradients[name][at]) <= 1e-6 * (1 + abs(numeric)), name


def test_the_encoder_learns_as_if_codes_were_its_own_output() -> None:  # check 5
    """With the book at the features themselves, straight-through gradients are those of the plain autoencoder."""
    config = VQConfig(channels=8, residual_blocks=0, codes=16, code_width=6, commitment=0.0)
    tokenizer = VQTokenizer(config, seed=2, dtype="float64")
    images = pictures(1)
    state = tokenizer.state_dict()

    def at_own_features(changed: dict) -> dict:
        tokenizer.load_state_dict(changed)
        return {**changed, "quantize_t.embed": tokenizer.core.features(
            (images / 255.0 - 0.5) / 0.5).reshape(16, 6).T.copy()}

    tokenizer.load_state_dict(at_own_features(state))
    _, gradients = tokenizer.loss_and_gradients(images)
    step = 1e-6
    for name in ("enc_b.blocks.0.weight", "enc_b.blocks.4.weight", "enc_b.blocks.6.bias"):
        at = (1, *([0] * (state[name].ndim - 1)))
        two = []
        for sign in (1, -1):
            changed = {**state, name: state[name].copy()}
            changed[name][at] += sign * step
            two.append(loss_of(tokenizer, at_own_features(changed), images))
        numeric = (two[0] - two[1]) / (2 * step)
        assert abs(numeric - gradients[name][at]) <= 1e-6 * (1 + abs(numeric)), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quantizing_passes_gradients_straight_through(dtype: str) -> None:  # check 5
    """d(sum(q_st))/dz = 1 everywhere, and the commitment adds 2 (z - q) / numel."""
    rng = np.random.default_rng(3)
    z, book = rng.normal(size=(2, 4, 3, 6)).astype(dtype), rng.normal(size=(16, 6)).astype(dtype)
    ones = np.ones_like(z)
    (dz,) = wudao_rt.ops.vq_quantize_backward(z, book, ones)
    np.testing.assert_array_equal(dz, ones)
    (dz,) = wudao_rt.ops.vq_quantize_backward(z, book, 0 * ones, commitment=1.0)
    q = book[wudao_rt.ops.vq_assign(z.reshape(-1, 6), book)].reshape(z.shape)
    np.testing.assert_array_equal(wudao_rt.ops.vq_quantize(z, book), q)
    np.testing.assert_allclose(dz, 2 * (z - q) / z.size, rtol=1e-6, atol=1e-9)


def test_commitment_pulls_features_to_their_codes() -> None:  # check 5
    """Only the commitment: gradient 2 (z - q) / numel on z, seen in the bias of the last layer of the encoder."""
    config = VQConfig(channels=8, residual_blocks=0, codes=16, code_width=6, commitment=1.0, l1=0.0, l2=0.0)
    tokenizer = VQTokenizer(config, seed=2, dtype="float64")
    images = pictures(2)
    losses, gradients = tokenizer.loss_and_gradients(images)
    z = tokenizer.features(images).reshape(-1, 6)
    q = tokenizer.state_dict()["quantize_t.embed"].T[tokenizer.encode(images).reshape(-1)]
    np.testing.assert_allclose(losses["commitment"], np.mean((z - q) ** 2), rtol=1e-6)
    np.testing.assert_allclose(gradients["enc_b.blocks.6.bias"], (2 * (z - q) / z.size).sum(0), rtol=1e-6, atol=1e-12)


def test_the_book_moves_by_its_averages() -> None:  # check 6
    tokenizer = VQTokenizer(TINY, seed=7, dtype="float64")
    state = tokenizer.state_dict()
    book, sizes, sums = (state[f"quantize_t.{name}"].T for name in ("embed", "cluster_size", "embed_avg"))
    for turn in range(3):
        images = pictures(3, seed=turn)
        z, codes = tokenizer.features(images).reshape(-1, 6), tokenizer.encode(images).reshape(-1)
        tokenizer.loss_and_gradients(images)
        tokenizer.update_codebook()
        one_hot = np.eye(TINY.codes)[codes]
        sizes = 0.99 * sizes + 0.01 * one_hot.sum(0)
        sums = 0.99 * sums + 0.01 * one_hot.T @ z
        smoothed = (sizes + 1e-5) / (sizes.sum() + TINY.codes * 1e-5) * sizes.sum()
        book = sums / smoothed[:, None]
        now = tokenizer.state_dict()
        np.testing.assert_allclose(now["quantize_t.embed"].T, book, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(now["quantize_t.cluster_size"], sizes, rtol=1e-12)
        np.testing.assert_allclose(now["quantize_t.embed_avg"].T, sums, rtol=1e-9, atol=1e-9)


def test_reading_pictures_changes_nothing() -> None:  # check 6
    tokenizer = VQTokenizer(TINY, seed=7)
    before = tokenizer.state_dict()
    tokenizer.decode(tokenizer.encode(pictures(2)))
    tokenizer.loss_and_gradients(pictures(2))
    for name, array in tokenizer.state_dict().items():
        assert array.tobytes() == before[name].tobytes(), name


def test_what_is_not_used_at_once_is_not_thrown_away() -> None:  # check 9
    tokenizer = VQTokenizer(TINY, seed=8)
    before = np.linalg.norm(tokenizer.state_dict()["quantize_t.embed"], axis=0)
    tokenizer.loss_and_gradients(pictures(1))
    used = np.asarray(tokenizer.core.counts) > 0
    tokenizer.update_codebook()
    after = np.linalg.norm(tokenizer.state_dict()["quantize_t.embed"], axis=0)
    assert 0 < used.sum() < TINY.codes
    assert np.all(after[~used] < 10 * before[~used])


def test_dead_codes_come_back_whole() -> None:  # check 8
    tokenizer = VQTokenizer(TINY, seed=9, dtype="float64")
    state = tokenizer.state_dict()
    state["quantize_t.cluster_size"][[2, 5]] = 0.01
    tokenizer.load_state_dict(state)
    images = pictures(4)
    z = tokenizer.features(images).reshape(-1, 6)
    tokenizer.loss_and_gradients(images)
    assert tokenizer.revive(seed=1, least=0.1) == 2
    now = tokenizer.state_dict()
    book, sizes, sums = (now[f"quantize_t.{name}"].T for name in ("embed", "cluster_size", "embed_avg"))
    for code in (2, 5):
        assert np.abs(z - book[code]).max(1).min() < 1e-6
        assert sizes[code] == pytest.approx(0.1)
        np.testing.assert_allclose(sums[code], 0.1 * book[code], rtol=1e-12)
    others = [code for code in range(TINY.codes) if code not in (2, 5)]
    for name in ("embed", "cluster_size", "embed_avg"):
        np.testing.assert_array_equal(now[f"quantize_t.{name}"].T[others], state[f"quantize_t.{name}"].T[others])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_picture_is_the_same_in_any_batch(dtype: str) -> None:  # check 11
    tokenizer = VQTokenizer(TINY, seed=4, dtype=dtype)
    images = pictures(5)
    codes = tokenizer.encode(images)
    together = tokenizer.decode(codes, dtype="float32")
    for i in range(5):
        np.testing.assert_array_equal(tokenizer.encode(images[i : i + 1])[0], codes[i])
        assert tokenizer.decode(codes[i : i + 1], dtype="float32")[0].tobytes() == together[i].tobytes()
    assert together.min() >= 0 and together.max() <= 1


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_layout_changes_no_bit(dtype: str) -> None:
    def run(micro: int, threads: int) -> bytes:
        wudao_rt._core.set_threads(threads)
        tokenizer = VQTokenizer(TINY, seed=4, dtype=dtype)
        tokenizer.core.optimize_with({"name": "adamw"})
        for turn in range(2):
            x = (pictures(8, seed=turn) / 127.5 - 1).astype(np.float32)
            tokenizer.core.step(x, 1e-3, 1.0, 4, micro)
        tokenizer.revive(seed=3, least=2.0)
        return b"".join(array.tobytes() for array in tokenizer.state_dict().values())

    assert len({run(micro, threads) for micro, threads in itertools.product((1, 2, 4), (1, 2))}) == 1


def test_a_saved_tokenizer_comes_back(tmp_path) -> None:
    tokenizer = VQTokenizer(TINY, seed=4)
    tokenizer.save(tmp_path / "saved")
    again = wudao_rt.load(tmp_path / "saved")
    assert isinstance(again, VQTokenizer) and again.config == TINY
    assert again.fingerprint() == tokenizer.fingerprint()
    np.testing.assert_array_equal(again.encode(pictures(2)), tokenizer.encode(pictures(2)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: t.encode(np.zeros((16, 16, 3), np.uint8)), r"expected \(batch, height, width, 3\), got \(16"),
        (lambda t: t.encode(np.zeros((1, 16, 16, 4), np.uint8)), r"images: expected \(batch, height, width, 3\)"),
        (lambda t: t.encode(np.zeros((1, 18, 16, 3), np.uint8)), "images: expected sides that are multiples of 4"),
        (lambda t: t.encode(np.full((1, 16, 16, 3), 200.0)), "encode: images: expected floats from 0 to 1, got 200"),
        (lambda t: t.encode(np.full((1, 16, 16, 3), np.nan)), "encode: images: expected floats from 0 to 1, got nan"),
        (lambda t: t.encode(np.zeros((1, 16, 16, 3), np.int64)), "encode: images: expected uint8, or floats"),
        (lambda t: t.decode(np.full((1, 4, 4), 16)), "decode: codes: expected numbers from 0 to 15, got 16 at index 0"),
        (lambda t: t.decode(np.zeros(16, np.int32)), r"decode: codes: expected \(batch, height, width\), got \(16,\)"),
        (lambda t: t.decode(np.zeros((1, 4, 4), np.int32), dtype="int8"), "decode: dtype: expected uint8 or float32"),
        (lambda t: t.load_state_dict({}), "load_state_dict: enc_b.blocks.0.weight: expected an array, got none"),
        (lambda t: t.load_state_dict({"x": np.zeros(1)}), "load_state_dict: x: expected a name of this tokenizer"),
        (lambda t: t.loss_and_gradients(pictures(3), shards=2), "train: virtual_shards: expected a power of two"),
        (lambda t: VQConfig(channels=6, halvings=3), "vq: channels: expected a multiple of 4 for 3 halvings"),
        (lambda t: VQConfig(codes=1), "config: vq: codes: expected"),
        (lambda t: VQConfig.preset("huge"), "VQConfig: preset: expected one of cogview, small, got 'huge'"),
    ],
)
def test_wrong_input_gets_one_clear_error(call, message: str) -> None:
    with pytest.raises(wudao_rt.Error, match=message):
        call(VQTokenizer(TINY))

"""Decoding with a cache gives the full forward, bit for bit, however the tokens come and whatever is beside them."""

import numpy as np
import pytest
from infer.reference import rows_of, tiny
from wudao_rt import ConfigError, DTypeError, ShapeError, _core
from wudao_rt.generation import PartA

CONTEXT = PartA([1, 9, 2, 10, 11, 2, 12, 0], [2, 5])
BLANKS = [[20, 21, 22], [23, 24, 25, 26]]


def rows(context=CONTEXT, blanks=BLANKS):
    ids, positions, blocks, sep = (x[0] for x in rows_of(context, blanks))
    return ids, positions, blocks, int(sep)


def full(model, ids, positions, blocks, sep):
    return model.logits(ids[None], positions[None], blocks[None], sep=np.array([sep]))[0]


def feed(cache, text, begin, end, bidirectional=False):
    return (cache, *(x[begin:end] for x in text[:3]), bidirectional)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("settings", [{}, {"num_heads": 1, "hidden_size": 80, "max_positions": 200}])
def test_every_prefix_equals_the_full_forward(dtype, settings):
    model, text = tiny(dtype=dtype, **settings), rows()
    decoder, cache, sep = _core.Decoder(model.core), _core.KvCache(model.core), text[3]
    whole = decoder.run([feed(cache, text, 0, sep, True)], rows="all")
    steps = [decoder.run([feed(cache, text, i, i + 1)]) for i in range(sep, len(text[0]))]
    for length in range(sep + 1, len(text[0]) + 1):
        expected = full(model, *(x[:length] for x in text[:3]), sep)
        np.testing.assert_array_equal(steps[length - sep - 1][0], expected[-1])
    np.testing.assert_array_equal(np.concatenate([whole, *steps]), full(model, *text))
    assert cache.length == len(text[0])


@pytest.mark.parametrize("chunk_rows", [1, 3, 7])
def test_chunked_prefill_equals_one_shot(chunk_rows):
    model, text = tiny(), rows()
    decoder, cache, sep = _core.Decoder(model.core, chunk_rows=chunk_rows), _core.KvCache(model.core), text[3]
    one = decoder.run([feed(cache, text, 0, sep, True)], rows="all")
    two = decoder.run([feed(cache, text, sep, len(text[0]))], rows="all")
    np.testing.assert_array_equal(np.concatenate([one, two]), full(model, *text))


def test_long_texts_cross_key_blocks():
    model = tiny(max_positions=300)
    context = PartA([1, *np.arange(150) % 25 + 6, 5], [151])
    text = rows(context, [(np.arange(90) % 23 + 7).tolist()])
    decoder, cache, expected = _core.Decoder(model.core), _core.KvCache(model.core), full(model, *text)
    decoder.run([feed(cache, text, 0, text[3], True)], rows="none")
    for begin in range(text[3], len(text[0]), 13):
        end = min(begin + 13, len(text[0]))
        np.testing.assert_array_equal(decoder.run([feed(cache, text, begin, end)], "all"), expected[begin:end])


def test_texts_of_unequal_length_do_not_touch_each_other():
    model = tiny()
    texts = [rows(), rows(PartA([1, 8, 5], [2]), [[9]]), rows(PartA([1, *range(7, 20), 5], [14]), [[8, 8]])]
    decoder, caches = _core.Decoder(model.core), [_core.KvCache(model.core) for _ in texts]
    pairs = list(zip(caches, texts, strict=True))
    decoder.run([feed(cache, text, 0, text[3], True) for cache, text in pairs], rows="none")
    together = decoder.run([feed(cache, text, text[3], len(text[0])) for cache, text in pairs], rows="last")
    for found, text in zip(together, texts, strict=True):
        np.testing.assert_array_equal(found, full(model, *text)[-1])


def test_fork_leaves_the_original_as_it_was():
    model, text = tiny(), rows()
    decoder, cache, sep = _core.Decoder(model.core), _core.KvCache(model.core), text[3]
    decoder.run([feed(cache, text, 0, sep, True)], rows="none")
    copy = decoder.fork(cache)
    decoder.run([(copy, [30], [2], [1], False)])
    assert (cache.length, copy.length) == (sep, sep + 1)
    np.testing.assert_array_equal(decoder.run([feed(cache, text, sep, sep + 1)])[0], full(model, *text)[sep])


def test_feeding_in_pieces_differs_when_a_token_does():
    model, text = tiny(), rows()
    text[0][1] = 13
    assert np.abs(full(model, *text) - full(model, *rows())).max() > 1e-3


def test_bad_feeds_are_refused():
    model, other = tiny(), tiny(hidden_size=12)
    decoder, cache = _core.Decoder(model.core), _core.KvCache(model.core)
    good = (cache, [1], [0], [0], True)
    with pytest.raises(ShapeError, match="the same twice"):
        decoder.run([good, good])
    with pytest.raises(ShapeError, match="one of another shape"):
        decoder.run([(_core.KvCache(other.core), [1], [0], [0], True)])
    with pytest.raises(ShapeError, match="decode: ids: expected numbers from 0 to 31, got 32"):
        decoder.run([(cache, [32], [0], [0], True)])
    with pytest.raises(ShapeError, match="positions: expected numbers from 0 to 24, got 25"):
        decoder.run([(cache, [1], [25], [0], True)])
    with pytest.raises(ShapeError, match="at least one"):
        decoder.run([])
    with pytest.raises(DTypeError, match="decode: ids"):
        decoder.run([(cache, [0.5], [0], [0], True)])
    assert cache.length == 0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_an_int8_cache_is_near_a_float_one_and_feeding_in_pieces_changes_no_bit(dtype):
    model = tiny(max_positions=300, dtype=dtype)
    context = PartA([1, *np.arange(150) % 25 + 6, 5], [151])
    text = rows(context, [(np.arange(90) % 23 + 7).tolist()])
    decoder, cache, expected = _core.Decoder(model.core), _core.KvCache(model.core, int8=True), full(model, *text)
    whole = decoder.run([feed(cache, text, 0, text[3], True)], rows="all")
    rest = decoder.run([feed(decoder.fork(cache), text, text[3], len(text[0]))], rows="all")
    for begin in range(text[3], len(text[0]), 13):
        end = min(begin + 13, len(text[0]))
        found = decoder.run([feed(cache, text, begin, end)], "all")
        np.testing.assert_array_equal(found, rest[begin - text[3] : end - text[3]])
    distance = np.linalg.norm(np.concatenate([whole, rest]) - expected) / np.linalg.norm(expected)
    assert 0 < distance < 0.01


def test_an_int8_cache_says_what_it_needs():
    with pytest.raises(ConfigError, match="kv_cache: int8: expected a model that computes in float32 or bfloat16"):
        _core.KvCache(tiny(dtype="float64").core, int8=True)
    with pytest.raises(ConfigError, match="kv_cache: int8: expected heads of a multiple of 4 elements, got heads of 6"):
        _core.KvCache(tiny(hidden_size=18).core, int8=True)

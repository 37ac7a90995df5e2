"""A convolution that rectifies what it sees gives the bits of one behind a ReLU, and makes no map for it."""

import numpy as np
import pytest
from wudao_rt import ops

OPS = {name: (getattr(ops, name), getattr(ops, f"{name}_backward")) for name in ("conv2d", "conv_transpose2d")}
SHAPES = [(4, 2, 1), (3, 1, 1), (1, 1, 0), (5, 3, 2)]  # kernel, stride, padding
CHANNELS, OUT = 33, 65  # neither whole vectors nor a whole sliver


def inputs(name: str, kernel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4, 7, 8, CHANNELS))
    x[0, :2] = 0.0
    x[1, :2] = -0.0
    shape = (kernel * kernel * OUT, CHANNELS) if name == "conv_transpose2d" else (OUT, kernel * kernel * CHANNELS)
    return x, rng.standard_normal(shape), rng.standard_normal(OUT)


def equal(got: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", OPS)
def test_the_bits_are_those_of_a_relu_before_it(name: str, shape: tuple[int, int, int], dtype: str) -> None:
    op, backward = OPS[name]
    kernel, stride, padding = shape
    how = {"kernel": kernel, "stride": stride, "padding": padding, "dtype": dtype}
    x, weight, bias = inputs(name, kernel)
    seen = ops.relu(x, dtype=dtype)
    y = op(x, weight, bias, rectify=True, **how)
    equal(y, op(seen, weight, bias, **how))
    dy = np.random.default_rng(6).standard_normal(y.shape)
    found = backward(x, weight, bias, dy, rectify=True, shards=4, **how)
    dx, dweight, dbias = backward(seen, weight, bias, dy, shards=4, **how)
    equal(found[0], ops.relu_backward(x, dx, dtype=dtype)[0])
    equal(found[2], dbias)
    if kernel == 1:  # rows of a map, which another library may multiply; what is rectified is windows, which we do
        np.testing.assert_allclose(found[1], dweight, rtol=0, atol=1e-6 * abs(dweight).max())
    else:
        equal(found[1], dweight)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_is_not_a_number_stays_so(sign: float, dtype: str) -> None:
    x = np.full((1, 4, 4, 1), -1.0)
    x[0, 1, 2, 0] = np.copysign(np.nan, sign)
    y = ops.conv2d(x, np.ones((1, 1)), kernel=1, rectify=True, dtype=dtype)
    assert np.isnan(y[0, 1, 2, 0]) and np.nansum(y) == 0 and np.isnan(y).sum() == 1

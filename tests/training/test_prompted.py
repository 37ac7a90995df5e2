"""The batch built at once equals the batch of rows built one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from wudao_rt.data.blanks import SpecialIds, prompted_body
from wudao_rt.datasets import rows_of
from wudao_rt.datasets.prompted import prompted_rows

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, gmask=5)
TOKENS = st.lists(st.integers(6, 50), max_size=9)


@given(st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=6))
def test_equal_to_collated_samples(pairs: list[tuple[list[int], list[int]]]):
    conditions = [np.array(a, np.int32) for a, _ in pairs]
    bodies = [np.array(b, np.int32) for _, b in pairs]
    ours = prompted_rows(conditions, bodies, SPECIAL)
    oracle = rows_of([prompted_body(a, b, SPECIAL) for a, b in zip(conditions, bodies, strict=True)], SPECIAL.eos)
    assert (ours.tokens, ours.pairs, ours.weight) == (oracle.tokens, oracle.pairs, oracle.weight)
    for name, array in oracle.arrays.items():
        assert ours.arrays[name].dtype == array.dtype, name
        assert np.array_equal(ours.arrays[name], array), name


def test_pairs_count_what_the_mask_shows():
    rows = prompted_rows([np.array([7], np.int32)], [np.array([8, 9], np.int32)], SPECIAL)
    mask = np.tril(np.ones((6, 6), int))
    mask[:, :3] = 1  # sep is 3: [CLS] 7 [gMASK]
    assert (rows.tokens, rows.pairs) == (6, mask.sum())

"""The contract of a row and of a batch with the engine."""

import numpy as np
import pytest
from wudao_rt.data.blanks import Sample, SpecialIds, collate
from wudao_rt.errors import ConfigError


def row(length: int, sep: int = 1) -> Sample:
    return Sample(*(np.arange(1, length + 1) for _ in range(3)), sep, np.arange(length) + 5, np.ones(length))


def test_batch_names_shapes_and_dtypes():
    batch = collate([row(3), row(5, sep=2)], pad_id=9)
    assert list(batch) == ["ids", "positions", "block_positions", "sep", "targets", "loss_mask"]
    for name, array in batch.items():
        assert array.shape == ((2,) if name == "sep" else (2, 5))
        assert array.dtype == (np.float32 if name == "loss_mask" else np.int32)
    assert batch.sep.tolist() == [1, 2]
    assert batch.ids[0].tolist() == [1, 2, 3, 9, 9]
    for name in ("positions", "block_positions", "targets", "loss_mask"):
        assert batch[name][0, 3:].tolist() == [0, 0]


def test_batch_spreads_into_keyword_arguments():
    assert set(dict(**collate([row(2)]))) == {"ids", "positions", "block_positions", "sep", "targets", "loss_mask"}
    with pytest.raises(KeyError):
        collate([row(2)])["keys"]


def test_collate_to_a_given_length():
    assert collate([row(3)], length=7).ids.shape == (1, 7)
    with pytest.raises(ValueError, match="collate: samples: expected at most 2 tokens, got 3"):
        collate([row(3)], length=2)
    with pytest.raises(ValueError, match="collate: samples: expected at least one, got none"):
        collate([])


def test_sample_refuses_unequal_lengths_and_bad_sep():
    with pytest.raises(ValueError, match=r"Sample: positions: expected shape \(2,\)"):
        Sample([1, 2], [0], [0, 0], 1, [0, 0], [0, 0])
    with pytest.raises(ValueError, match=r"Sample: sep: expected 0\.\.1, got 2"):
        Sample([1], [0], [0], 2, [0], [0])


def test_colliding_command_ids_are_refused():
    with pytest.raises(ValueError, match=r"SpecialIds: gmask: .* got 50007, which is eop"):
        SpecialIds(eos=50000, cls=50002, mask=50003, sop=50006, eop=50007, smask=50008, gmask=50007, dblock=50009)


def test_one_mask_for_all_tasks():
    special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6).with_one_mask()
    assert (special.smask, special.gmask) == (2, 2)


def test_ids_of_a_tokenizer():
    bert = {"pad": 0, "unk": 100, "enc": 101, "sep": 102, "mask": 103, "sop": 30522, "eop": 30523, "gmask": 30524}
    special = SpecialIds.from_commands(bert)
    assert (special.eos, special.cls, special.sep, special.smask, special.dblock) == (0, 101, 102, 103, None)
    with pytest.raises(ConfigError, match=r"SpecialIds: ids: expected .*, got none for sop, eop"):
        SpecialIds.from_commands({"pad": 0, "enc": 1, "mask": 2})

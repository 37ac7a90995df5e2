"""Random numbers that depend on what is drawn, never on who draws it or when."""

from __future__ import annotations

from enum import IntEnum

from numpy.random import Generator, Philox

from wudao_rt.errors import ConfigError


class Stream(IntEnum):
    """Name the independent sequences of random numbers of one seed."""

    BATCH = 0
    SAMPLE = 1
    CROP = 2
    PACK = 3
    SPLIT = 4
    FINISH = 5
    PICTURE = 6
    CAPTION = 7
    AUGMENT = 8
    ORDER = 9
    HOLES = 10
    RESAMPLE = 11
    DERANGE = 12
    DISTRACT = 13
    CLASSIFY = 14


def generator(seed: int, stream: Stream, index: int = 0, part: int = 0) -> Generator:
    """Return the generator keyed by (seed, stream, index, part).

    The reference seeds one generator per rank and call, so that its samples change with the number of ranks; here the
    global index of a sample (or the step of a batch) is the counter of a Philox generator.

    Args:
        seed: run's seed, 0 <= seed < 2**64.
        stream: what is drawn.
        index: global sample index or step, 0 <= index < 2**64.
        part: which piece or attempt of that index.
    Returns: a generator of its own, 2**128 draws long.
    Raises:
        ConfigError: a seed outside its range.
    Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
    Example:
        >>> one, same = generator(7, Stream.SAMPLE, 3), generator(7, Stream.SAMPLE, 3)
        >>> bool(one.random() == same.random())
        True
    """
    if not 0 <= seed < 2**64:
        raise ConfigError(f"seed: expected 0..2**64 - 1, got {seed}. Choose another seed.")
    return Generator(Philox(key=[seed, int(stream)], counter=[0, 0, index, part]))

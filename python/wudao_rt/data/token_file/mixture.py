"""Mix domains by their share of the tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..errors import DataError
from .dataset import TokenDataset


def mixed_order(dataset: TokenDataset, shares: Mapping[str, float], tokens: int, seed: int = 0) -> np.ndarray:
    """Return an order of documents in which each domain has its share of the tokens, from beginning to end.

    Each domain runs through its own documents in a random order, again and again; after each document the domain that
    lags furthest behind its share comes next.

    Args:
        dataset: token file with domain labels.
        shares: share by domain label; scaled to sum to one. Domains that are not named are left out.
        tokens: length of the order in tokens.
        seed: order of the documents.

    Returns:
        Document indexes, int64; at least `tokens` tokens, the last document completing them.

    Raises:
        DataError: a share of a domain without tokens, or a share that is not positive.
    """
    runs = [_endless(dataset, domain, seed) for domain in shares]
    weights = _normalised(shares)
    lengths = dataset.lengths
    given, order, total = np.zeros(len(runs)), [], 0
    while total < tokens:
        behind = int(np.argmax(weights * (total + 1) - given))
        document = next(runs[behind])
        order.append(document)
        given[behind] += lengths[document]
        total += int(lengths[document])
    return np.asarray(order, dtype=np.int64)


def token_shares(dataset: TokenDataset, order: np.ndarray) -> dict[str, float]:
    """Return the share of the tokens that each domain has in an order of documents."""
    lengths = dataset.lengths[order]
    sums = np.bincount(dataset.domain_ids[order], weights=lengths, minlength=len(dataset.domains))
    return dict(zip(dataset.domains, (sums / max(sums.sum(), 1)).tolist(), strict=True))


def _normalised(shares: Mapping[str, float]) -> np.ndarray:
    weights = np.asarray(list(shares.values()), dtype=np.float64)
    if not weights.size or weights.min() <= 0:
        raise DataError(f"data: shares: expected a positive share for each domain, got {dict(shares)}. "
                        "Leave out what you do not want.")
    return weights / weights.sum()


def _endless(dataset: TokenDataset, domain: str, seed: int) -> Iterator[int]:
    """Return an endless generator of the domain's documents; checked now, not at the first use."""
    if domain not in dataset.domains:
        raise DataError(f"data: shares: expected labels among {', '.join(dataset.domains)}, got '{domain}'. "
                        "Check the name.")
    number = dataset.domains.index(domain)
    documents = np.flatnonzero((dataset.domain_ids == number) & (dataset.lengths > 0))
    if not documents.size:
        raise DataError(f"data: shares: expected tokens in the domain '{domain}', it has none. Leave it out.")
    rng = np.random.Generator(np.random.Philox(key=[seed, number]))
    return (int(document) for _ in iter(int, 1) for document in rng.permutation(documents))

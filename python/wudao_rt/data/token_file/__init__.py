"""Token files: documents of ids in one memory-mapped file with a header, an index and a checksum.

    from wudao_rt.data.token_file import TokenDataset, mixed_order, tokenize_records, write_tokens

    dataset = tokenize_records(corpus.records("train"), tokenizer, "runs/train.bin")
    dataset[0], dataset.lengths, dataset.domains, dataset.domain_ids
    order = mixed_order(dataset, corpus.card["shares"], tokens=10_000_000, seed=0)
"""

from .dataset import TokenDataset
from .mixture import mixed_order, token_shares
from .records import tokenize_records
from .writing import write_tokens

__all__ = ["TokenDataset", "mixed_order", "token_shares", "tokenize_records", "write_tokens"]

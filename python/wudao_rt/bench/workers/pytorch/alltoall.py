"""PyTorch's all_to_all_single over gloo: python alltoall.py PAIRS RANKS BYTES ... starts the ranks, one prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as processes

_SECONDS = 0.2  # of a turn


def rank_of_job(rank: int, ranks: int, store: str, pairs: int, sizes: list[int]) -> None:
    """Measure every size."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    for size in sizes:
        sent, got = (torch.ones(size * ranks, dtype=torch.uint8) for _ in range(2))
        times = torch.tensor([max(3, round(_SECONDS / _seconds(got, sent, 3)))])
        dist.broadcast(times, 0)
        seconds = [_seconds(got, sent, int(times)) for _ in range(pairs)]
        if rank == 0:
            print(json.dumps({"bytes": size, "ranks": ranks, "seconds": {"gloo": seconds}}), flush=True)
    dist.destroy_process_group()


def _seconds(got: torch.Tensor, sent: torch.Tensor, times: int) -> float:
    dist.barrier()
    begin = time.perf_counter()
    for _ in range(times):
        dist.all_to_all_single(got, sent)
    return (time.perf_counter() - begin) / times


if __name__ == "__main__":
    pairs, ranks, *sizes = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        processes.spawn(rank_of_job, (ranks, f"{folder}/store", pairs, sizes), nprocs=ranks)

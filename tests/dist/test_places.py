"""How ranks divide the cores of their nodes, and what they are told where that goes wrong: without ranks."""

from __future__ import annotations

import random

import pytest

from wudao_rt.distributed.crowding import complaints
from wudao_rt.distributed.launchers import find_launcher
from wudao_rt.distributed.places import Place, share_of, threads_of

OPEN_MPI, MPICH, SLURM = (find_launcher({sign: "4"}) for sign in
                          ("OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS"))


def place(cores, permitted=0, node="a", boot="1", **more):
    """Of a rank with these cores, on a node with those of `permitted` too."""
    return Place((node, boot), frozenset(cores), frozenset(cores) | frozenset(range(permitted)), **more)


def threads(places):
    return [threads_of(one, places) for one in places]


@pytest.mark.parametrize(("places", "expected"), [
    ([place(range(8))], [8]),
    ([place(range(8 * r, 8 * r + 8), 32) for r in range(4)], [8, 8, 8, 8]),  # srun --cpus-per-task=8 --cpu-bind=cores
    ([place(range(32))] * 4, [8, 8, 8, 8]),  # nobody bound them
    ([place(range(8))] * 3, [2, 2, 2]),
    ([place(range(16 * (r // 2), 16 * (r // 2) + 16), 32) for r in range(4)], [8, 8, 8, 8]),  # a socket for two
    ([place(range(8)), place(range(6, 14)), place(range(20, 23))], [4, 4, 3]),  # who has one of its cores counts
    ([place(range(4)), place({3}), place({9})], [2, 1, 1]),
    ([place({0}), place({0})], [1, 1]),
    ([place(range(2))] * 5, [1] * 5),
    ([place(range(8), node=n) for n in "aabbb"], [4, 4, 2, 2, 2]),
    ([place(range(8), boot=b) for b in "12"], [8, 8]),  # two hosts of one name
    ([place(range(16), quota=5.5)] * 2, [3, 3]),
    ([place(range(16), quota=2.0)] * 4, [1] * 4),
    ([place(range(4), quota=64.0)] * 2, [2, 2]),
    ([place(range(8 * r, 8 * r + 8), quota=4.0) for r in range(2)], [2, 2]),  # masks apart, one group
    ([place(range(8), asked=5), place(range(8))], [5, 4]),
    ([place(range(8), asked=5, most=2), place(range(8), most=3), place(range(8), most=64)], [5, 2, 2]),
    ([place(range(8), most=1), place(range(8), most=3)], [1, 3]),
])
def test_ranks_divide_what_they_share(places, expected):
    assert threads(places) == expected


def test_shares_never_crowd_a_node_that_has_a_core_for_each_rank():
    draw = random.Random(7)
    crowded = 0
    for _ in range(2000):
        size = draw.randint(2, 12)
        places = [place(draw.sample(range(size), draw.randint(1, size)), size) for _ in range(draw.randint(1, 6))]
        shares = [len(one.cores) // sum(bool(one.cores & other.cores) for other in places) for one in places]
        if min(shares) < 1:
            crowded += 1  # "one at least" gives more than there is
            continue
        assert threads(places) == shares
        assert sum(shares) <= len(frozenset().union(*(one.cores for one in places)))
    assert 0 < crowded < 2000


def test_the_reason_says_who_shares():
    pair = [place(range(8), quota=3.5), place(range(8), quota=3.5)]
    assert share_of(pair[0], pair) == (2, "processor quota of the control group: 3.5 for 2 ranks of this node")
    pair = [place(range(8)), place(range(7, 9))]
    assert share_of(pair[1], pair) == (1, "2 cores shared by 2 ranks of this node")
    assert share_of(place({3}), [place({3})]) == (1, "1 core of this rank alone")


FINE = [
    [place(range(4))],
    [place(range(2))] * 2,
    [place({r}, 4) for r in range(4)],  # bound one by one, and no core is left
    [place({r}, 4) for r in range(3)],  # one is left, and none could have two
    [place({r}, 8, asked=1) for r in range(2)],
    [place({r}, 8, most=1) for r in range(2)],
    [place(range(2), asked=1)] * 2,
    [place(range(4 * r, 4 * r + 4), 64) for r in range(4)],
    [place(range(4), 4, quota=2.0)] * 2,
]


@pytest.mark.parametrize("number", range(len(FINE)))
def test_nothing_is_told_where_all_is_well(number):
    assert not complaints(FINE[number], MPICH)


@pytest.mark.parametrize(("places", "launcher", "told"), [
    ([place(range(2))] * 4, MPICH, "node a: expected at most 2 threads on the 2 cores that its ranks may use, got 4 of 4 "
                                   "ranks. Start fewer ranks: mpiexec -n 2."),
    ([place(range(2), asked=2, asked_by="WUDAO_NUM_THREADS")] * 2, MPICH,
     "node a: expected at most 2 threads on the 2 cores that its ranks may use, got 4 of 2 ranks. Set WUDAO_NUM_THREADS=1."),
    ([place(range(8), asked=6, asked_by="train.threads"), place(range(8))], SLURM, "got 10 of 2 ranks. Set train.threads=4."),
    ([place(range(2), asked=2, asked_by="WUDAO_NUM_THREADS")] * 4, SLURM,
     "got 8 of 4 ranks. Start fewer ranks: srun --ntasks=2; set WUDAO_NUM_THREADS=1."),
    ([place(range(2), node=n) for n in "aaabbb"], OPEN_MPI,
     "node a and 1 more: expected at most 2 threads on the 2 cores that its ranks may use, got 3 of 3 ranks. Start fewer "
     "ranks: mpiexec --map-by ppr:2:node."),
    ([place(range(2), node=n) for n in "baaa"], MPICH, "node a: expected at most 2 threads on the 2 cores that its ranks may "
                                                       "use, got 3 of 3 ranks. Start fewer ranks: mpiexec -ppn 2."),
    ([place({0}, 8)] * 2, MPICH, "node a: expected at most 1 thread on the 1 core that its ranks may use, got 2 of 2 ranks. "
                                 "Start with: mpiexec -bind-to core:4 (or -bind-to none)."),
    ([place({0}), place({0})], None, "got 2 of 2 ranks. Start fewer ranks: at most 1 on a node."),
    ([place(range(8), quota=1.0)] * 2, MPICH, "expected at most 1 thread on the 1 core that its ranks may use, got 2 of 2 "
                                              "ranks. Start fewer ranks: mpiexec -n 1."),
    ([place({r}, 8) for r in range(2)], OPEN_MPI, "node a: expected ranks that may use 4 cores each, for it has 8, got 2 of 2 "
     "bound to one core. Start with: mpiexec --map-by slot:PE=4 --bind-to core (or --bind-to none)."),
    ([place({r}, 8) for r in range(2)], MPICH, "Start with: mpiexec -bind-to core:4 (or -bind-to none)."),
    ([place({r}, 9) for r in range(2)], SLURM, "for it has 9, got 2 of 2 bound to one core. Start with: srun --cpus-per-task=4."),
    ([place({r}, 8) for r in range(2)], None, "Have the launcher give each rank 4 cores."),
    ([place({0}, 8), place(range(1, 5), 8)], SLURM, "got 1 of 2 bound to one core."),
    ([place({0}, 8, node=n) for n in "ab"], SLURM, "node a and 1 more: expected ranks that may use 8 cores each"),
])
def test_each_trouble_is_one_line_with_its_cure(places, launcher, told):
    lines = complaints(places, launcher)
    assert len(lines) == 1 and lines[0].startswith("threads: node a"), lines
    assert told in lines[0] and "\n" not in lines[0], lines

"""Who started this process, as its environment tells before MPI is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Launcher:
    """A program that starts the ranks of a job.

    Args:
        name: as people know it.
        evidence: the variable that shows it, with its value.
        size: ranks that it started; 0: it does not say.
        family: the MPI that it can start: "Open MPI" or "MPICH"; empty: any that was built for it.
    """

    name: str
    evidence: str
    size: int
    family: str


_KNOWN = (
    # the first variable that is set decides; the second holds the number of ranks
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "Open MPI's mpiexec", "Open MPI"),
    ("MPI_LOCALNRANKS", "PMI_SIZE", "MPICH's mpiexec", "MPICH"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_TASKS", "srun", ""),
    ("PMI_SIZE", "PMI_SIZE", "a launcher that speaks PMI", ""),
    ("PMIX_RANK", "", "a launcher that speaks PMIx", ""),
)
# how each gives a rank more cores, and starts fewer ranks: on one node, and on each of many
_OPTIONS = {
    "Open MPI's mpiexec": ("mpiexec --map-by slot:PE={0} --bind-to core (or --bind-to none)", "mpiexec -n {0}",
                           "mpiexec --map-by ppr:{0}:node"),
    "MPICH's mpiexec": ("mpiexec -bind-to core:{0} (or -bind-to none)", "mpiexec -n {0}", "mpiexec -ppn {0}"),
    "srun": ("srun --cpus-per-task={0}", "srun --ntasks={0}", "srun --ntasks-per-node={0}"),
}


def find_launcher(environ: Mapping[str, str]) -> Launcher | None:
    """Return who started this process; None: nobody who starts more than one.

    Example:
        >>> find_launcher({"OMPI_COMM_WORLD_SIZE": "4"}).name
        "Open MPI's mpiexec"
        >>> find_launcher({}) is None
        True
    """
    for sign, count, name, family in _KNOWN:
        if environ.get(sign):
            size = environ.get(count, "") if count else ""
            return Launcher(name, f"{sign}={environ[sign]}", int(size) if size.isdigit() else 0, family)
    return None


def wider_masks(launcher: Launcher | None, cores: int) -> str:
    """Return what to do so that every rank may use so many cores.

    Example:
        >>> wider_masks(find_launcher({"SLURM_STEP_NUM_TASKS": "4"}), 8)
        'start with: srun --cpus-per-task=8'
    """
    options = _OPTIONS.get(launcher.name if launcher else "")
    return f"start with: {options[0].format(cores)}" if options else f"have the launcher give each rank {cores} cores"


def fewer_ranks(launcher: Launcher | None, ranks: int, nodes: int) -> str:
    """Return what to do so that at most so many ranks are on a node, of one or several.

    Example:
        >>> fewer_ranks(find_launcher({"MPI_LOCALNRANKS": "8"}), 2, nodes=1)
        'start fewer ranks: mpiexec -n 2'
    """
    options = _OPTIONS.get(launcher.name if launcher else "")
    how = options[1 if nodes == 1 else 2].format(ranks) if options else f"at most {ranks} on a node"
    return f"start fewer ranks: {how}"

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

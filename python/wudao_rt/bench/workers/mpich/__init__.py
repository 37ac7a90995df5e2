"""The side of MPI, and ours over it."""

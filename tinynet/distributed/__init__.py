"""Training in several processes, on one machine or on many: MPI carries the numbers, through mpi4py."""

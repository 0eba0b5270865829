"""Many cases at once on Dask: each a task of its own, each accounted for, and a run that is broken off goes on."""

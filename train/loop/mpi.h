// Data parallel by MPI: `mpirun -n N soragrad train ...`, or `srun` under Slurm.
#pragma once

namespace soragrad::train {

// Whether this build has MPI.
bool has_mpi();

// How many processes a launcher has started with this one; 1 without one.
int launched_processes();

// For processes that fail before they know each other: all but the first are muted, and leave it
// time to tell, as mpirun ends all when one ends.
void leave_to_first();

// Joins the processes that were started together and makes them world() (core/communicator.h); does
// nothing for a process that was started alone. All but the first are muted. Splits this machine's
// cores among its processes unless the launcher has bound each to its own, and deals out its GPUs.
// Throws if several were started and this build has no MPI. To be called once, before the first
// parallel loop and the first use of a GPU.
void start_mpi();

// Ends the work with MPI after all have finished; this process is alone then. After an error:
// world().abort().
void finish_mpi();

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0

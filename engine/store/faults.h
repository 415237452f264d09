/* Faults that chance seldom makes, for the specs: in builds with -DFAULTS=ON alone. Inside the room.
 *
 * The environment's MOONLATCH_FAULTS names a file that is read before each batch that writes:
 *   twice         each is run twice, as when the answer of the first run was lost, and gives the rows of the second
 *   lose NAME     the next batch with the statement NAME is run, but its answer is lost until its time is over: false
 *   fail NAME     the next batch with the statement NAME is not run: false
 * `lose` and `fail` are done once: the file is then emptied. */
#ifndef STORE_FAULTS_H
#define STORE_FAULTS_H

#include "store/database.h"

#ifdef FAULTS
bool faults_run(const struct database *database, void *connection, struct batch *batch);
#else
static inline bool faults_run(const struct database *database, void *connection, struct batch *batch) {
    return database->run(connection, batch);
}
#endif

#endif

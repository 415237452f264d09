#include "store/faults.h"

#ifdef FAULTS
#include "base/log.h"
#include "store/rows.h"

#include <stdio.h>
#include <stdlib.h>

struct fault {
    char kind[8], statement[64];
};

static bool fault_read(const char *path, struct fault *fault) {
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file)
        return false;
    *fault = (struct fault){{0}, {0}};
    bool is_there = fscanf(file, "%7s %63s", fault->kind, fault->statement) > 0;
    fclose(file);
    return is_there;
}

static bool batch_has(const struct batch *batch, const char *statement) {
    for (size_t i = 0; i < batch->count; i++)
        if (strcmp(statement_texts[batch->calls[i].statement].name, statement) == 0)
            return true;
    return false;
}

static bool batch_changed(const struct batch *batch) {
    for (size_t i = 0; i < batch->count; i++)
        if (batch->calls[i].rows->count && !statement_texts[batch->calls[i].statement].reads)
            return true;
    return false;
}

bool faults_run(const struct database *database, void *connection, struct batch *batch) {
    const char *path = getenv("MOONLATCH_FAULTS");
    struct fault fault;
    if (batch_reads(batch) || !fault_read(path, &fault))
        return database->run(connection, batch);
    if (strcmp(fault.kind, "twice") == 0) {
        if (!database->run(connection, batch))
            return false;
        batch->is_repeated = batch_changed(batch); /* else nobody can tell it from one that is run once */
        return database->run(connection, batch);
    }
    if (!batch_has(batch, fault.statement))
        return database->run(connection, batch);
    FILE *file = fopen(path, "w"); /* once */
    if (file)
        fclose(file);
    if (strcmp(fault.kind, "lose") == 0)
        batch->is_repeated = database->run(connection, batch);
    log_error("store_fault", log_string("kind", fault.kind), log_string("statement", fault.statement));
    return false;
}
#endif

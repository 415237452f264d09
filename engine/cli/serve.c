/* moonlatch serve */
#include "cli/command.h"

#include "cli/demo.h"
#include "registry/signing_keys.h"
#include "server/server.h"

#include <malloc.h>
#include <stdio.h>

/* Requests come in bursts: what they free at the top of a heap is kept for the next one. */
enum { HEAP_KEPT_BYTES = 32 << 20 };

/* Every server brings the keys that are missing: the first start makes them. */
static bool keys_prepare(struct workplace *workplace, struct rows **keys, struct slice *error) {
    enum error failed = signing_keys_prepare(&workplace->request);
    if (!failed)
        failed = signing_keys_read(&workplace->request, keys);
    if (failed)
        *error = workplace_error(workplace, failed);
    return !failed;
}

int command_serve(struct command_line *line) {
    struct workplace workplace;
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
    struct slice error;
    int status = EXIT_REFUSED;
    struct rows *keys = NULL;
    if (workplace_open(&workplace, line, &error) && (!line->settings.demo || demo_prepare(&workplace, &error)) &&
        keys_prepare(&workplace, &keys, &error)) {
        /* The server opens a handle and a policy per worker. */
        db_close(workplace.db);
        workplace.db = NULL;
        struct server_config config = {
            .settings = &line->settings,
            .keyring = workplace.keyring,
            .store = workplace.store,
            .signing_keys = keys,
        };
        status = server_run(line->arena, &config, &error);
    }
    if (status != EXIT_DONE)
        refuse(error);
    workplace_close(&workplace);
    return status;
}

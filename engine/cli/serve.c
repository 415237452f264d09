/* moonlatch serve */
#include "cli/command.h"

#include "cli/demo.h"
#include "server/server.h"

#include <stdio.h>

int command_serve(struct command_line *line) {
    struct workplace workplace;
    struct slice error;
    struct pages *pages = NULL;
    int status = EXIT_REFUSED;
    if (workplace_open(&workplace, line, &error) && (!line->settings.demo || demo_prepare(&workplace, &error)) &&
        (pages = pages_open(line->arena, line->settings.templates, &error))) {
        /* The server opens a handle and a policy per worker. */
        db_close(workplace.db);
        workplace.db = NULL;
        struct server_config config = {
            .settings = &line->settings,
            .keyring = workplace.keyring,
            .pages = pages,
            .store = workplace.store,
            .policies = workplace.policies,
        };
        status = server_run(line->arena, &config, &error);
    }
    if (status != EXIT_DONE)
        refuse(error);
    if (pages)
        pages_close(pages);
    workplace_close(&workplace);
    return status;
}

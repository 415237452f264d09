/* moonlatch policy … */
#include "cli/command.h"

#include "server/control.h"

#include <stdio.h>

int command_policy_check(struct command_line *line) {
    const struct options *options = &line->options;
    const char *directory = options->argument_count ? options->arguments[0] : line->settings.policies;
    struct slice error;
    struct policy_source *source =
        policy_source_read(line->arena, directory, MOONLATCH_HOME "/lua/moonlatch", line->settings.config, &error);
    struct policy *policy = source ? policy_open(line->arena, source, NULL, &error) : NULL;
    int status = EXIT_REFUSED;
    if (policy) {
        struct value *result = value_map(line->arena);
        value_set_text(line->arena, result, "policies", slice_of(directory));
        value_set_bool(line->arena, result, "ok", true);
        print_result(line, result);
        status = EXIT_DONE;
        policy_close(policy);
    } else {
        fprintf(stderr, "%.*s\n", SLICE_ARG(error));
    }
    if (source)
        policy_source_free(source);
    return status;
}

/* One request to every server of this state directory; refuses when none runs, or one of them refused. */
static int servers_ask(struct command_line *line, const struct value *request) {
    struct value *answers = control_ask(line->arena, line->settings.state, request);
    int status = EXIT_DONE;
    if (!answers->count)
        return refuse(arena_printf(line->arena, "no server runs with the state directory %s.", line->settings.state));
    for (const struct value *answer = answers->first; answer; answer = answer->next) {
        const struct value *ok = value_get(answer, "ok");
        if (ok && ok->kind == VALUE_BOOL && ok->boolean)
            print_result(line, answer);
        else
            status = refuse(value_get_text(answer, "error"));
    }
    return status;
}

int command_policy_reload(struct command_line *line) {
    struct value *request = value_map(line->arena);
    value_set_text(line->arena, request, "command", SLICE("reload"));
    return servers_ask(line, request);
}

/* moonlatch policy check */
#include "cli/command.h"

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

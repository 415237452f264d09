/* moonlatch policy … */
#include "cli/command.h"

#include "base/json.h"
#include "page/page.h"
#include "policy/declared.h"
#include "server/confine.h"
#include "server/control.h"
#include "server/edition.h"
#include "store/record.h"

#include <stdio.h>
#include <stdlib.h>

/* Loads the policies of a directory as the server would. NULL with *error; close with policies_close. The directory may
 * be a stranger's: should something get out of its sandbox, it finds a process that writes nowhere and starts nothing.
 */
static struct policy *policies_open(struct command_line *line, const char *directory, struct policy_source **source,
                                    struct slice *error) {
    confine(NULL, 0);
    *source = policy_source_read(line->arena, directory, MOONLATCH_HOME "/lua/moonlatch", line->settings.config, error);
    const struct policy_limits limits = policy_limits_of(&line->settings);
    return *source ? policy_open(line->arena, *source, &limits, error) : NULL;
}

static void policies_close(struct policy *policy, struct policy_source *source) {
    if (policy)
        policy_close(policy);
    if (source)
        policy_source_free(source);
}

static bool templates_check(struct command_line *line, struct policy *policy, struct slice *error) {
    struct pages *pages =
        edition_pages_open(line->arena, line->settings.templates, policy_settings(policy, line->arena), error);
    if (pages)
        pages_close(pages);
    return pages != NULL;
}

/* All that is wrong, and not only what is found first. */
static bool set_check(struct command_line *line, struct policy *policy) {
    struct slice wrong = SLICE_NONE, wrong_templates = SLICE_NONE, notes = SLICE_NONE;
    bool is_good = policy_probe(policy, line->arena, &notes, &wrong);
    bool has_templates = templates_check(line, policy, &wrong_templates);
    if (!is_good)
        print_lines(stderr, wrong);
    if (!has_templates)
        print_lines(stderr, wrong_templates);
    while (slice_is_set(notes)) {
        struct slice note = slice_cut(&notes, '\n');
        print_lines(stderr, arena_printf(line->arena, "note: %.*s", SLICE_ARG(note)));
    }
    return is_good && has_templates;
}

/* DIR in place of --policies: the settings are those that a server would have with it. */
static bool directory_take(struct command_line *line, struct slice *error) {
    struct options *options = &line->options;
    if (!options->argument_count)
        return true;
    if (options->count == OPTIONS_MAX) {
        *error = SLICE("there are too many flags.");
        return false;
    }
    options->list[options->count++] = (struct option){"policies", options->arguments[0]};
    return settings_read(line, error);
}

int command_policy_check(struct command_line *line) {
    struct slice error;
    struct policy_source *source = NULL;
    struct policy *policy = NULL;
    if (directory_take(line, &error))
        policy = policies_open(line, line->settings.policies, &source, &error);
    bool is_good = policy && set_check(line, policy);
    if (is_good) {
        struct value *result = value_map(line->arena);
        value_set_text(line->arena, result, "policies", slice_of(line->settings.policies));
        value_set_bool(line->arena, result, "ok", true);
        print_result(line, result);
    } else if (!policy) {
        print_lines(stderr, error);
    }
    policies_close(policy, source);
    return is_good ? EXIT_DONE : EXIT_REFUSED;
}

/* `given`: the one argument, or a list of them. */
static int eval(struct command_line *line, struct policy *policy, struct slice name, struct value *given) {
    const struct value *first = given, *second = NULL;
    struct policy_outcome outcome;
    if (given->kind == VALUE_LIST) {
        first = given->first;
        second = first ? first->next : NULL;
    }
    if (!policy_eval(policy, line->arena, name, first, second, &outcome))
        return refuse(outcome.error);
    struct value *result = value_map(line->arena);
    value_set_value(result, "decision", value_copy(line->arena, outcome.results[0]));
    value_set_value(result, "reason",
                    outcome.results[1] ? value_copy(line->arena, outcome.results[1]) : value_null(line->arena));
    value_set_int(line->arena, result, "microseconds", outcome.took_ns / 1000);
    print_result(line, result);
    return EXIT_DONE;
}

int command_policy_eval(struct command_line *line) {
    const char *const *arguments = line->options.arguments;
    struct slice error;
    struct value *given = json_parse(line->arena, slice_of(arguments[1]), &error);
    if (!given)
        return refuse(arena_printf(line->arena, "the facts are not JSON: %.*s", SLICE_ARG(error)));
    struct policy_source *source;
    struct policy *policy = policies_open(line, line->settings.policies, &source, &error);
    int status = policy ? eval(line, policy, slice_of(arguments[0]), given) : refuse(error);
    policies_close(policy, source);
    return status;
}

int command_policy_facts(struct command_line *line) {
    const struct options *options = &line->options;
    struct arena *arena = line->arena;
    struct value *result = value_list(arena);
    for (const struct declared_fact *fact = declared_facts; fact->name; fact++) {
        struct slice functions = slice_of(fact->functions);
        if (options->argument_count && slice_is_set(functions) &&
            !names_hold(functions, slice_of(options->arguments[0])))
            continue;
        struct value *one = value_map(arena);
        value_set_text(arena, one, "fact", slice_of(fact->name));
        value_set_text(arena, one, "about", slice_of(fact->about));
        value_set_text(arena, one, "example", slice_of(fact->example));
        if (option_is_set(options, "json"))
            value_set_value(one, "functions",
                            slice_is_set(functions) ? names_split(arena, functions) : value_null(arena));
        value_append(result, one);
    }
    print_result(line, result);
    return EXIT_DONE;
}

int command_policy_test(struct command_line *line) {
    const struct options *options = &line->options;
    const char *directory = options->argument_count ? options->arguments[0] : line->settings.policies;
    struct slice error;
    struct policy_source *source;
    struct policy_test_result tested;
    struct policy *policy = policies_open(line, directory, &source, &error);
    const struct policy_limits limits = policy_limits_of(&line->settings);
    bool has_run = policy && policy_test(line->arena, source, &limits, &tested, &error);
    policies_close(policy, source);
    if (!has_run) {
        print_lines(stderr, error);
        return EXIT_REFUSED;
    }
    if (option_is_set(options, "json")) {
        struct value *result = value_map(line->arena);
        value_set_int(line->arena, result, "passed", tested.passed);
        value_set_int(line->arena, result, "failed", tested.failed);
        value_set_value(result, "failures", tested.failures);
        print_result(line, result);
    } else {
        for (const struct value *one = tested.failures->first; one; one = one->next) {
            struct slice message = value_get_text(one, "message"), name = value_get_text(one, "name");
            print_lines(stdout, arena_printf(line->arena, "%.*s (%.*s)", SLICE_ARG(message), SLICE_ARG(name)));
        }
        printf("%lld passed, %lld failed\n", (long long)tested.passed, (long long)tested.failed);
    }
    return tested.failed || !tested.passed ? EXIT_REFUSED : EXIT_DONE;
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

/* The server has another working directory, perhaps: it is told the whole path. */
int command_policy_shadow(struct command_line *line) {
    bool is_off = option_is_set(&line->options, "off"), is_given = line->options.argument_count > 0;
    struct value *request = value_map(line->arena);
    value_set_text(line->arena, request, "command", is_off || is_given ? SLICE("shadow") : SLICE("shadow_status"));
    if (is_off && is_given)
        return refuse(SLICE("give the directory of a candidate, or --off, or neither to see how it fares."));
    char *path = !is_given ? NULL : realpath(line->options.arguments[0], NULL);
    if (is_given && !path)
        return refuse(arena_printf(line->arena, "there is no directory %s.", line->options.arguments[0]));
    value_set_text(line->arena, request, "directory", arena_copy(line->arena, slice_of(path)));
    free(path);
    return servers_ask(line, request);
}

#include "cli/command.h"

#include "cli/state.h"
#include "page/brand.h"

static bool policy_load(struct workplace *workplace, struct command_line *line, struct slice *error) {
    const struct settings *settings = &line->settings;
    const struct policy_limits limits = policy_limits_of(settings);
    workplace->policies =
        policy_source_read(line->arena, settings->policies, MOONLATCH_HOME "/lua/moonlatch", settings->config, error);
    if (workplace->policies)
        workplace->policy = policy_open(line->arena, workplace->policies, &limits, error);
    return workplace->policy != NULL;
}

static bool store_load(struct workplace *workplace, struct command_line *line, struct slice *error) {
    const struct settings *settings = &line->settings;
    const struct store_options options = {
        .url = settings->database,
        .migrate = true,
        .cache_bytes = (size_t)settings->cache_bytes,
        .queue_max = (size_t)settings->store_queue_max,
        .group_max = (size_t)settings->store_group_max,
        .timeout_ms = settings->store_timeout_ms,
        .connections = (size_t)(settings->store_connections_max / settings->workers),
    };
    if (state_check(line->arena, settings->state, error))
        workplace->keyring = keyring_open(line->arena, settings->state, error);
    if (workplace->keyring)
        workplace->store = store_open(line->arena, &options, error);
    if (workplace->store)
        workplace->db = db_open(workplace->store, NULL, error);
    return workplace->db != NULL;
}

bool workplace_open(struct workplace *workplace, struct command_line *line, struct slice *error) {
    *workplace = (struct workplace){.line = line};
    if (!policy_load(workplace, line, error) || !store_load(workplace, line, error))
        return false;
    const struct value *settings = policy_settings(workplace->policy, line->arena);
    workplace->service = (struct service){
        .settings = &line->settings,
        .keyring = workplace->keyring,
        .policy = workplace->policy,
        .brand_name = brand_name(settings ? value_get(settings, "branding") : NULL),
        .db = workplace->db,
    };
    workplace->request = (struct request){
        .arena = line->arena,
        .service = &workplace->service,
        .id = "command-line",
        .method = SLICE("POST"),
        .address = SLICE("command line"),
    };
    return true;
}

void workplace_close(struct workplace *workplace) {
    if (workplace->policy)
        policy_close(workplace->policy);
    if (workplace->policies)
        policy_source_free(workplace->policies);
    if (workplace->db)
        db_close(workplace->db);
    if (workplace->store)
        store_close(workplace->store);
    if (workplace->keyring)
        keyring_close(workplace->keyring);
}

struct slice workplace_error(const struct workplace *workplace, enum error error) {
    const struct request *request = &workplace->request;
    if (request->invalid) {
        const struct invalid_field *field = request->invalid;
        if (slice_starts(field->message, arena_string(request->arena, field->field)))
            return field->message; /* it says itself which field it is about */
        return arena_printf(request->arena, "%.*s: %.*s", SLICE_ARG(field->field), SLICE_ARG(field->message));
    }
    return slice_is_set(request->error_text) ? request->error_text : slice_of(error_kind(error)->text);
}

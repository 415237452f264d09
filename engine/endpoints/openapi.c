/* GET /openapi.json (OpenAPI 3.1): written from the route table and the field tables that route and validate. */
#include "endpoints/endpoints.h"

#include <ctype.h>

static struct value *schema_of_kind(struct arena *arena, const char *type) {
    struct value *schema = value_map(arena);
    value_set_text(arena, schema, "type", slice_of(type));
    return schema;
}

static struct value *reference(struct arena *arena, const char *name) {
    struct value *schema = value_map(arena);
    value_set_text(arena, schema, "$ref", arena_printf(arena, "#/components/schemas/%s", name));
    return schema;
}

static void limits_add(struct arena *arena, struct value *schema, const struct field *field, const char *least,
                       const char *most) {
    if (field->max) {
        value_set_int(arena, schema, least, field->min);
        value_set_int(arena, schema, most, field->max);
    }
}

static struct value *field_schema(struct arena *arena, const struct field *field) {
    static const char *const types[] = {
        [FIELD_TEXT] = "string", [FIELD_URL] = "string",  [FIELD_BOOL] = "boolean",
        [FIELD_INT] = "integer", [FIELD_TEXTS] = "array", [FIELD_OBJECT] = "object",
    };
    struct value *schema = value_map(arena);
    if (field->flags & FIELD_NULLABLE) {
        struct value *kinds = value_list(arena);
        value_append_text(arena, kinds, slice_of(types[field->kind]));
        value_append_text(arena, kinds, SLICE("null"));
        value_set_value(schema, "type", kinds);
    } else {
        value_set_text(arena, schema, "type", slice_of(types[field->kind]));
    }
    if (field->kind == FIELD_TEXT)
        limits_add(arena, schema, field, "minLength", "maxLength");
    if (field->kind == FIELD_INT)
        limits_add(arena, schema, field, "minimum", "maximum");
    if (field->kind == FIELD_URL)
        value_set_text(arena, schema, "format", SLICE("uri"));
    if (field->kind == FIELD_TEXTS) {
        limits_add(arena, schema, field, "minItems", "maxItems");
        value_set_value(schema, "items", schema_of_kind(arena, "string"));
    }
    if (field->text)
        value_set_text(arena, schema, "description", slice_of(field->text));
    return schema;
}

/* --- what goes in --- */

static struct value *parameter(struct arena *arena, struct slice name, const char *place, bool required,
                               struct value *schema) {
    struct value *one = value_map(arena);
    value_set_text(arena, one, "name", name);
    value_set_text(arena, one, "in", slice_of(place));
    value_set_bool(arena, one, "required", required);
    value_set_value(one, "schema", schema);
    return one;
}

static struct value *parameters_of(struct arena *arena, const struct route *route) {
    struct value *list = value_list(arena);
    struct slice rest = slice_of(route->path);
    while (slice_is_set(rest)) {
        struct slice part = slice_cut(&rest, '/');
        if (part.len && part.at[0] == '{')
            value_append(list, parameter(arena, (struct slice){part.at + 1, part.len - 2}, "path", true,
                                         schema_of_kind(arena, "string")));
    }
    for (const struct field *field = route->query; field && field->name; field++)
        value_append(list, parameter(arena, slice_of(field->name), "query", field->flags & FIELD_REQUIRED,
                                     field_schema(arena, field)));
    return list;
}

static struct value *content_of(struct arena *arena, const char *media_type, struct value *schema) {
    struct value *content = value_map(arena), *media = value_map(arena);
    value_set_value(media, "schema", schema);
    value_set_value(content, media_type, media);
    return content;
}

static struct value *body_of(struct arena *arena, const struct route *route) {
    bool is_change = strcmp(route->method, "PATCH") == 0, is_new = route->body == BODY_JSON && !is_change;
    struct value *schema = schema_of_kind(arena, "object"), *properties = value_map(arena);
    struct value *required = value_list(arena), *body = value_map(arena);
    for (const struct field *field = route->fields; field->name; field++) {
        if (is_new && (field->flags & FIELD_CHANGE_ONLY))
            continue;
        value_set_value(properties, field->name, field_schema(arena, field));
        if ((field->flags & FIELD_REQUIRED) && !is_change)
            value_append_text(arena, required, slice_of(field->name));
    }
    value_set_value(schema, "properties", properties);
    if (required->count)
        value_set_value(schema, "required", required);
    value_set_bool(arena, body, "required", required->count > 0);
    value_set_value(
        body, "content",
        content_of(arena, route->body == BODY_JSON ? "application/json" : "application/x-www-form-urlencoded", schema));
    return body;
}

/* --- what comes out --- */

static void add_answer(struct arena *arena, struct value *answers, int status, const char *text,
                       struct value *content) {
    struct value *answer = value_map(arena);
    value_set_text(arena, answer, "description", slice_of(text));
    if (content)
        value_set_value(answer, "content", content);
    value_set(answers, arena_printf(arena, "%d", status), answer);
}

static struct value *error_content(struct arena *arena, const struct route *route) {
    if (route->style == STYLE_PAGE)
        return content_of(arena, "text/html", schema_of_kind(arena, "string"));
    return content_of(arena, "application/json",
                      reference(arena, route->style == STYLE_OAUTH ? "OAuthError" : "Error"));
}

static struct value *answers_of(struct arena *arena, const struct route *route) {
    struct value *answers = value_map(arena);
    bool is_page = route->style == STYLE_PAGE, takes_input = route->query || route->fields;
    const char *media_type = strchr(route->path, '.') && is_page    ? "*/*"
                             : is_page                              ? "text/html"
                             : strcmp(route->path, "/metrics") == 0 ? "text/plain"
                             : strchr(route->path, '{') && !takes_input && route->caller == CALLER_ANYBODY
                                 ? "*/*"
                                 : "application/json";
    bool has_body = route->status == 200;
    add_answer(arena, answers, route->status, has_body ? "Done." : "Goes on elsewhere.",
               has_body ? content_of(arena, media_type, value_map(arena)) : NULL);
    if (route->style == STYLE_OAUTH)
        add_answer(arena, answers, 400, "Refused (RFC 6749 §5.2).", error_content(arena, route));
    else if (is_page && takes_input)
        add_answer(arena, answers, 400, "Refused.", error_content(arena, route));
    bool is_own_page = route->caller == CALLER_PAGE, is_form = route->body == BODY_FORM;
    if (is_own_page && !(is_form && route->status == 303))
        add_answer(arena, answers, is_form ? 303 : 302, "To sign in first.", NULL);
    else if (route->caller != CALLER_ANYBODY)
        add_answer(arena, answers, 401, "Not authenticated.", error_content(arena, route));
    if (route->caller == CALLER_USER || route->caller == CALLER_TOKEN || (is_own_page && is_form))
        add_answer(arena, answers, 403, "Not allowed.", error_content(arena, route));
    if (strchr(route->path, '{'))
        add_answer(arena, answers, 404, "There is none, or none that you may see.", error_content(arena, route));
    if (route->caller == CALLER_USER && route->body == BODY_JSON)
        add_answer(arena, answers, 409, "It exists already.", error_content(arena, route));
    if (takes_input)
        add_answer(arena, answers, 422, "A field is missing or not valid.",
                   content_of(arena, "application/json", reference(arena, "ValidationError")));
    return answers;
}

static struct value *security_of(struct arena *arena, enum route_caller caller) {
    static const char *const schemes[][4] = {
        [CALLER_ANYBODY] = {NULL},           [CALLER_USER] = {"bearer", "hotkey", "cookie", NULL},
        [CALLER_CLIENT] = {"client", NULL},  [CALLER_TOKEN] = {"bearer", NULL},
        [CALLER_BROWSER] = {"cookie", NULL}, [CALLER_PAGE] = {"cookie", NULL},
    };
    struct value *security = value_list(arena);
    for (size_t i = 0; schemes[caller][i]; i++) {
        struct value *one = value_map(arena);
        value_set_value(one, schemes[caller][i], value_list(arena));
        value_append(security, one);
    }
    if (caller == CALLER_CLIENT || caller == CALLER_BROWSER)
        value_append(security, value_map(arena)); /* or none */
    return security;
}

static struct value *operation(struct arena *arena, const struct route *route) {
    struct value *one = value_map(arena), *parameters = parameters_of(arena, route);
    value_set_text(arena, one, "summary", slice_of(route->summary));
    if (parameters->count)
        value_set_value(one, "parameters", parameters);
    if (route->fields)
        value_set_value(one, "requestBody", body_of(arena, route));
    value_set_value(one, "responses", answers_of(arena, route));
    value_set_value(one, "security", security_of(arena, route->caller));
    return one;
}

static struct value *paths(struct arena *arena) {
    struct value *all = value_map(arena);
    for (const struct route *route = routes; route->method; route++) {
        struct value *path = (struct value *)(uintptr_t)value_get(all, route->path);
        if (!path) {
            path = value_map(arena);
            value_set_value(all, route->path, path);
        }
        char *method = arena_alloc(arena, strlen(route->method) + 1);
        for (size_t i = 0; i <= strlen(route->method); i++)
            method[i] = (char)tolower((unsigned char)route->method[i]);
        value_set_value(path, method, operation(arena, route));
    }
    return all;
}

/* --- what they refer to --- */

static struct value *object(struct arena *arena, const char *const *names, struct value *const *schemas) {
    struct value *schema = schema_of_kind(arena, "object"), *properties = value_map(arena);
    for (size_t i = 0; names[i]; i++)
        value_set_value(properties, names[i], schemas[i]);
    value_set_value(schema, "properties", properties);
    return schema;
}

static struct value *list_of(struct arena *arena, struct value *item) {
    struct value *schema = schema_of_kind(arena, "array");
    value_set_value(schema, "items", item);
    return schema;
}

static struct value *schemas(struct arena *arena) {
    static const char *const error_names[] = {"detail", NULL};
    static const char *const oauth_names[] = {"error", "error_description", NULL};
    static const char *const invalid_names[] = {"loc", "msg", "type", NULL};
    struct value *all = value_map(arena);
    struct value *text = schema_of_kind(arena, "string");
    value_set_value(all, "Error", object(arena, error_names, (struct value *[]){text}));
    value_set_value(all, "OAuthError",
                    object(arena, oauth_names,
                           (struct value *[]){schema_of_kind(arena, "string"), schema_of_kind(arena, "string")}));
    struct value *loc = list_of(arena, value_map(arena)); /* texts, and the index in a list */
    struct value *invalid =
        object(arena, invalid_names,
               (struct value *[]){loc, schema_of_kind(arena, "string"), schema_of_kind(arena, "string")});
    value_set_value(all, "ValidationError", object(arena, error_names, (struct value *[]){list_of(arena, invalid)}));
    return all;
}

static void add_scheme(struct arena *arena, struct value *all, const char *id, const char *const *pairs) {
    struct value *scheme = value_map(arena);
    for (; pairs[0]; pairs += 2)
        value_set_text(arena, scheme, pairs[0], slice_of(pairs[1]));
    value_set_value(all, id, scheme);
}

static struct value *security_schemes(struct arena *arena) {
    struct value *all = value_map(arena);
    add_scheme(arena, all, "bearer",
               (const char *const[]){"type", "http", "scheme", "bearer", "description",
                                     "An API key (cpk_), a session (cst_) or an access token (cak_) with account:read "
                                     "or account:write.",
                                     NULL});
    add_scheme(arena, all, "hotkey",
               (const char *const[]){"type", "apiKey", "in", "header", "name", "X-Chutes-Hotkey", "description",
                                     "With X-Chutes-Signature and X-Chutes-Nonce: sr25519 over "
                                     "<hotkey>:<nonce>:<SHA-256 of the body, or idp:METHOD:path>.",
                                     NULL});
    add_scheme(arena, all, "cookie",
               (const char *const[]){"type", "apiKey", "in", "cookie", "name", "chutes-session-token", "description",
                                     "A browser's session; changes also need the page's X-CSRF-Token.", NULL});
    add_scheme(arena, all, "client",
               (const char *const[]){"type", "http", "scheme", "basic", "description",
                                     "client_id and client_secret; or in the form.", NULL});
    return all;
}

struct response endpoint_openapi(struct request *request) {
    struct arena *arena = request->arena;
    struct value *document = value_map(arena), *info = value_map(arena), *server = value_map(arena);
    struct value *servers = value_list(arena), *components = value_map(arena);
    value_set_text(arena, document, "openapi", SLICE("3.1.0"));
    value_set_text(arena, info, "title", SLICE("Moonlatch"));
    value_set_text(arena, info, "version", SLICE(MOONLATCH_VERSION));
    value_set_value(document, "info", info);
    value_set_text(arena, server, "url", request->service->settings->issuer);
    value_append(servers, server);
    value_set_value(document, "servers", servers);
    value_set_value(document, "paths", paths(arena));
    value_set_value(components, "schemas", schemas(arena));
    value_set_value(components, "securitySchemes", security_schemes(arena));
    value_set_value(document, "components", components);
    return response_value(request, document);
}

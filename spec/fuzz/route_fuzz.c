/* Whole requests, one behind the other, through route_run (route_program.h says what a program is). What must hold of
 * every answer says answer_check. */
#include "route_mutator.h"
#include "route_program.h"

#include "page/html_context.h"
#include "page/template.h"

/* Secrets and a private app of somebody whose they are alone. */
static struct slice vics[4], vics_app = {"Of vic alone", 12};

/* --- what must hold of an answer --- */

static struct slice header_of(const struct response *response, const char *name) {
    struct slice value = SLICE_NONE;
    for (size_t i = 0; i < response->header_count; i++)
        if (strcmp(response->headers[i].name, name) == 0) {
            FUZZ_CHECK(!slice_is_set(value) || strcmp(name, "set-cookie") == 0); /* once */
            value = response->headers[i].value;
        }
    return value;
}

static bool holds(struct slice text, struct slice part) {
    return part.len && text.len && memmem(text.at, text.len, part.at, part.len);
}

static bool is_known_status(int status) {
    static const int statuses[] = {200, 201, 204, 302, 303, 400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 429};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
        if (status == statuses[i])
            return true;
    return false;
}

static void description_check(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        FUZZ_CHECK(c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'); /* RFC 6749 §5.2 */
    }
}

static void json_check(struct slice body) {
    const struct value *json = json_parse(state.arena, body, NULL);
    FUZZ_CHECK(json);
    description_check(value_get_text(json, "error_description"));
    for (const struct value *member = json->kind == VALUE_MAP ? json->first : NULL; member; member = member->next)
        if (member->kind == VALUE_TEXT)
            known_add(member->name, member->text);
        else if (member->kind == VALUE_LIST && slice_is(member->name, "items") && member->first)
            for (const struct value *one = member->first->kind == VALUE_MAP ? member->first->first : NULL; one;
                 one = one->next)
                if (one->kind == VALUE_TEXT)
                    known_add(one->name, one->text);
}

/* The value of the attribute that begins there. */
static struct slice attribute(struct slice from, const char *start) {
    const char *at = from.len ? memmem(from.at, from.len, start, strlen(start)) : NULL;
    if (!at)
        return SLICE_NONE;
    struct slice rest = slice_from(from, (size_t)(at - from.at) + strlen(start));
    return slice_first(rest, slice_find(rest, '"'));
}

static void page_check(const struct response *response) {
    struct slice csp = header_of(response, "content-security-policy"), body = response->body;
    FUZZ_CHECK(holds(csp, SLICE("form-action")) && !holds(csp, SLICE("unsafe-inline")));
    FUZZ_CHECK(slice_is(header_of(response, "x-frame-options"), "DENY"));
    FUZZ_CHECK(slice_is(header_of(response, "referrer-policy"), "no-referrer"));
    FUZZ_CHECK(utf8_is_valid(body) && body.len && body.len < TEMPLATE_OUTPUT_MAX);
    struct html_context context = {0};
    const char *problem;
    size_t offset;
    FUZZ_CHECK(html_read(&context, body, &problem, &offset));
    FUZZ_CHECK(!holds(body, SLICE("<zz")) && !holds(body, SLICE(" zz=")));
    struct slice session_id = attribute(body, "consent?session_id=");
    known_add(SLICE("session_id"), session_id);
    while (body.len) {
        struct slice line = slice_cut(&body, '\n');
        if (holds(line, SLICE("type=\"hidden\"")) && slice_is_set(attribute(line, "name=\"")))
            known_add(attribute(line, "name=\""), attribute(line, "value=\""));
    }
}

static void location_check(struct slice location) {
    FUZZ_CHECK(slice_starts(location, "/") ? !slice_starts(location, "//") && !slice_starts(location, "/\\")
               : slice_starts(location, WORLD_ISSUER "/") || slice_starts(location, "https://app.example/")
                   ? true
                   : state.registers);
    struct params params;
    struct slice why, query = slice_from(location, slice_find(location, '?'));
    if (!query.len)
        return;
    FUZZ_CHECK(params_parse(state.arena, slice_from(query, 1), true, &params, &why));
    description_check(params_get(&params, "error_description"));
    for (size_t i = 0; i < params.count; i++)
        if (!slice_is(params.list[i].name, "state"))
            known_add(params.list[i].name, params.list[i].value);
}

static void secrets_check(const struct response *response, struct slice text) {
    for (size_t i = 0; i < sizeof(vics) / sizeof(*vics); i++)
        FUZZ_CHECK(!holds(text, vics[i]));
    FUZZ_CHECK(state.is_admin || !holds(text, vics_app));
    for (size_t i = 0; i < SECRETS; i++)
        for (size_t j = 0; j < first.count && !(state.misplaced & 1u << i); j++)
            FUZZ_CHECK(!slice_is(first.list[j].name, secrets[i]) || !holds(text, first.list[j].value));
    static const char *const starts[] = {"\"cak_", "\"crt_", "\"csc_", "\"cpk_", "=cst_", "id_token\":"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (holds(text, slice_of(starts[i])))
            FUZZ_CHECK(slice_is(header_of(response, "cache-control"), "no-store"));
}

/* A code gives tokens once. */
static void tokens_check(const struct request *request, const struct response *response) {
    struct slice grant_type = params_get(&request->form, "grant_type");
    const struct value *json = json_parse(state.arena, response->body, NULL);
    FUZZ_CHECK(state.is_admin || !names_hold(value_get_text(json, "scope"), SLICE("admin")));
    if (!slice_is(grant_type, "authorization_code"))
        return;
    struct slice code = params_get(&request->form, "code");
    for (size_t i = 0; i < state.redeemed_count; i++)
        FUZZ_CHECK(!slice_equal(state.redeemed[i], code));
    if (state.redeemed_count < CODES_MAX)
        state.redeemed[state.redeemed_count++] = code;
}

static void headers_check(const struct response *response) {
    FUZZ_CHECK(response->header_count <= RESPONSE_HEADERS_MAX);
    for (size_t i = 0; i < response->header_count; i++) {
        struct slice value = response->headers[i].value;
        FUZZ_CHECK(slice_is_set(value));
        for (size_t j = 0; j < value.len; j++)
            FUZZ_CHECK(value.at[j] >= ' ' && value.at[j] <= '~');
        if (strcmp(response->headers[i].name, "set-cookie") == 0)
            jar_add(value);
    }
    known_add(SLICE("dpop-nonce"), header_of(response, "dpop-nonce"));
}

static void answer_check(const struct sending *sending, const struct response *response) {
    const struct request *request = &sending->request;
    FUZZ_CHECK(is_known_status(response->status));
    headers_check(response);
    if (request->route && (request->route->caller != CALLER_ANYBODY || request->route->flags & ROUTE_NO_STORE))
        FUZZ_CHECK(slice_is(header_of(response, "cache-control"), "no-store"));
    FUZZ_CHECK((response->status == 405) == slice_is_set(header_of(response, "allow")));
    FUZZ_CHECK(response->status != 429 || slice_is_set(header_of(response, "retry-after")));
    FUZZ_CHECK(!response->body.len || response->content_type);
    struct slice type = slice_of(response->content_type);
    secrets_check(response, response->body);
    for (size_t i = 0; i < response->header_count; i++)
        secrets_check(response, response->headers[i].value);
    if (slice_is(type, "application/json"))
        json_check(response->body);
    else if (slice_starts(type, "text/html"))
        page_check(response);
    struct slice location = header_of(response, "location");
    FUZZ_CHECK((response->status / 100 == 3) == slice_is_set(location));
    if (slice_is_set(location))
        location_check(location);
    if (response->status == 200 && request->route && slice_is(request->path, "/idp/token"))
        tokens_check(request, response);
}

static int line_run(struct slice line) {
    struct sending *sending = arena_alloc(state.arena, sizeof(*sending));
    sending_make(sending, line);
    state.registers = state.registers || (holds(line, SLICE("redirect_uri")) &&
                                          (holds(line, SLICE("apps")) || holds(line, SLICE("/register"))));
    struct response response = route_run(&sending->request);
    if (getenv("FUZZ_TELLS"))
        fprintf(stderr, "%.*s\n  %d %.*s %.*s\n", SLICE_ARG(line), response.status,
                SLICE_ARG(header_of(&response, "location")), SLICE_ARG(slice_first(response.body, 400)));
    answer_check(sending, &response);
    return response.status;
}

/* --- the world --- */

static void must(int status, const char *line) {
    int got = line_run(slice_of(line));
    if (got != status)
        fprintf(stderr, "%s: %d, not %d\n", line, got, status);
    FUZZ_CHECK(got == status);
}

/* Signed in by a fingerprint; the session. */
static struct slice sign_in(struct slice fingerprint) {
    known_add(SLICE("fingerprint"), fingerprint);
    state.jar_count = 0;
    must(303, "POST /idp/login return_to=/account auth_method fingerprint");
    for (size_t i = 0; i < state.jar_count; i++)
        if (slice_is(state.jar[i].name, "chutes-session-token"))
            return state.jar[i].value;
    abort();
}

static void first_make(void) {
    struct slice ann, api_key, vic, vics_key, root, roots_key;
    ann = user_make("ann", "", &api_key);
    vic = user_make("vic", "", &vics_key);
    root = user_make("root", "admin", &roots_key);
    state.arena = &world.arena;
    state.is_admin = true; /* may see all */
    known_add(SLICE("api_key"), vics_key);
    must(200, "POST /idp/apps @bearer=$api_key name=Of+vic+alone redirect_uris public=false");
    vics[0] = vic;
    vics[1] = vics_key;
    vics[2] = known_find(SLICE("client_secret"));
    vics[3] = sign_in(vic);
    known_add(SLICE("admin_key"), roots_key);
    known_add(SLICE("admin_session"), sign_in(root));
    known_add(SLICE("api_key"), api_key);
    must(200, "POST /idp/apps @bearer=$api_key name=Fuzz redirect_uris "
              "post_logout_redirect_uris=https://app.example/bye "
              "grant_types=authorization_code,refresh_token,client_credentials,"
              "urn:ietf:params:oauth:grant-type:device_code,urn:ietf:params:oauth:grant-type:token-exchange");
    known_add(SLICE("session"), sign_in(ann));
    must(302, "GET /idp/authorize @cookie * ");
    must(200, "GET /idp/authorize/consent @cookie session_id");
    must(303, "POST /idp/authorize/consent @cookie ?session_id action=approve");
    must(200, "POST /idp/token *  -refresh_token");
    state.misplaced = 0;
    state.registers = state.is_admin = false;
    state.redeemed_count = 0;
}

static void fuzz(struct arena *arena, struct slice input) {
    if (!world.directory[0]) {
        world_make();
        first_make();
        first = state;
        audit_flush(world.generation->service.audit);
        world_keep();
    }
    world_begin();
    state = first;
    state.arena = arena;
    for (int i = 0; i < REQUESTS_MAX && slice_is_set(input); i++) {
        struct slice line = slice_cut(&input, '\n');
        if (line.len && fuzz_is_clean(line))
            line_run(line);
    }
    world_reset();
}

/* Whole requests, one behind the other, through route_run: a program of a line each, whose words are
 *
 *   POST /idp/apps/{app_id}   method and path; a {…} stands for what is known under that name
 *   *                         every field of the route's tables for which something is known, unless it is named
 *   name                      what is known under that name     name=$other  what is known under another
 *   name=text                 that text ("+" is a space; in JSON, ":" before it says that it is JSON)
 *   ?name=text                in the query, also of a POST      -name        not that one
 *   &text                     those bytes, in the body or query as they are
 *   @header, @header=text     cookie, bearer, basic, dpop, csrf, origin, site, accept, language, type, authorization
 *
 * What is known is the world (world.h) and what the answers before have said: members of JSON, parameters of redirects,
 * cookies, hidden fields of pages. What must hold of every answer says answer_check. */
#include "world.h"

#include "base/json.h"
#include "checks/fields.h"
#include "crypto/hex.h"
#include "crypto/jose.h"
#include "page/html_context.h"
#include "page/template.h"
#include "server/route.h"

enum { KNOWN_MAX = 256, JAR_MAX = 8, REQUESTS_MAX = 24, CODES_MAX = 32, HEADERS = 32 };

/* --- what is known --- */

struct known {
    struct slice name, value;
};

static struct state {
    struct arena *arena;
    struct known list[KNOWN_MAX];
    size_t count;
    struct known jar[JAR_MAX];
    size_t jar_count;
    struct slice redeemed[CODES_MAX]; /* codes that gave tokens */
    size_t redeemed_count;
    unsigned misplaced; /* bits of `secrets`: sent as something else, so that it may come back */
    bool is_admin;      /* the administrator's credentials have been used */
    bool registers;     /* redirect URIs were sent to be registered */
} state, first;

/* What each is for in the world. Those of vic are never sent. */
static const char *const secrets[] = {"fingerprint", "client_secret", "api_key", "session"};
enum { SECRETS = sizeof(secrets) / sizeof(*secrets) };
static struct slice vics[4], vics_app = {"Of vic alone", 12};

/* What a client says when nothing else is known. */
static const char *const plain[][2] = {
    {"response_type", "code"},
    {"redirect_uri", "https://app.example/callback"},
    {"scope", "openid profile"},
    {"state", "a state"},
    {"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, /* RFC 7636, appendix B */
    {"code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    {"code_challenge_method", "S256"},
    {"grant_type", "authorization_code"},
    {"auth_method", "fingerprint"},
    {"action", "approve"},
    {"subject_token_type", "urn:ietf:params:oauth:token-type:access_token"},
    {"return_to", "/account"},
    {"name", "Another app"},
    {"redirect_uris", "https://app.example/callback"},
    {"client_name", "Registered"},
    {"app_id_or_name", "Fuzz"},
    {"user_id_or_name", "vic"},
    {"user", "vic"},
    {"confirm", "yes"},
    {"post_logout_redirect_uri", "https://app.example/bye"},
    {"refresh_token_lifetime_days", "30"},
    {"description", "What it does"},
    {"active", "true"},
    {"search", "Fuzz"},
    {"page", "0"},
    {"limit", "25"},
};

/* Where a field has another name than what it takes. */
static const char *const aliases[][2] = {
    {"token", "access_token"},
    {"subject_token", "access_token"},
    {"id_token_hint", "id_token"},
    {"bearer", "access_token"},
};

static struct slice known_find(struct slice name) {
    for (size_t i = state.count; i--;)
        if (slice_equal(state.list[i].name, name))
            return state.list[i].value;
    for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
        if (slice_is(name, aliases[i][0]))
            return known_find(slice_of(aliases[i][1]));
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if (slice_is(name, plain[i][0]))
            return slice_of(plain[i][1]);
    return SLICE_NONE;
}

static void known_add(struct slice name, struct slice value) {
    if (!slice_is_set(value) || !name.len || value.len > 4096)
        return;
    for (size_t i = 0; i < state.count; i++)
        if (slice_equal(state.list[i].name, name)) {
            state.list[i].value = value;
            return;
        }
    if (state.count < KNOWN_MAX)
        state.list[state.count++] = (struct known){name, value};
}

static void jar_add(struct slice set_cookie) {
    struct slice rest = {set_cookie.at, slice_find(set_cookie, ';')};
    struct slice name = slice_cut(&rest, '=');
    size_t i = 0;
    while (i < state.jar_count && !slice_equal(state.jar[i].name, name))
        i++;
    if (i == JAR_MAX)
        return;
    state.jar_count += i == state.jar_count;
    state.jar[i] = (struct known){name, rest};
}

static struct slice jar_text(void) {
    struct buffer text = buffer_in(state.arena);
    for (size_t i = 0; i < state.jar_count; i++)
        buffer_printf(&text, "%s%.*s=%.*s", i ? "; " : "", SLICE_ARG(state.jar[i].name),
                      SLICE_ARG(state.jar[i].value));
    return buffer_slice(&text);
}

/* --- a line becomes a request --- */

struct sending {
    struct request request;
    const struct route *route;
    struct buffer query, form;
    struct value *json;
    struct slice line;
};

/* Whether a word of the line says what this field is, or that it is left out. */
static bool line_names(const struct sending *sending, struct slice name) {
    struct slice rest = sending->line;
    while (slice_is_set(rest)) {
        struct slice word = slice_cut(&rest, ' ');
        bool is_marked = word.len && (word.at[0] == '-' || word.at[0] == '?');
        if (slice_equal(slice_first(slice_from(word, is_marked), slice_find(slice_from(word, is_marked), '=')), name))
            return true;
    }
    return false;
}

static struct slice spaced(struct slice text) {
    char *out = (char *)(uintptr_t)arena_copy(state.arena, text).at;
    for (size_t i = 0; i < text.len; i++)
        out[i] = out[i] == '+' ? ' ' : out[i];
    return (struct slice){out, text.len};
}

/* `given` is what stands behind "=", or absent. */
static struct slice value_for(struct slice name, struct slice given) {
    if (!slice_is_set(given))
        return known_find(name);
    if (!given.len || given.at[0] != '$')
        return spaced(given);
    struct slice other = slice_from(given, 1);
    state.is_admin = state.is_admin || slice_starts(other, "admin");
    for (size_t i = 0; i < SECRETS; i++)
        if (slice_is(other, secrets[i]) && !slice_equal(other, name))
            state.misplaced |= 1u << i;
    return known_find(other);
}

static void pair_add(struct buffer *out, struct slice name, struct slice value) {
    if (out->len)
        buffer_add_byte(out, '&');
    for (size_t i = 0; i < name.len; i++)
        buffer_printf(out, "%%%02x", (unsigned char)name.at[i]);
    buffer_add_byte(out, '=');
    for (size_t i = 0; i < value.len; i++)
        buffer_printf(out, "%%%02x", (unsigned char)value.at[i]);
}

static const struct field *field_of(const struct field *fields, struct slice name) {
    for (; fields && fields->name; fields++)
        if (slice_is(name, fields->name))
            return fields;
    return NULL;
}

static struct value *json_of(const struct field *field, struct slice text) {
    struct arena *arena = state.arena;
    enum field_kind kind = field ? field->kind : FIELD_TEXT;
    struct value *raw = NULL;
    if (text.len && (text.at[0] == ':' || kind == FIELD_OBJECT || kind == FIELD_BOOL || kind == FIELD_INT))
        raw = json_parse(arena, text.at[0] == ':' ? slice_from(text, 1) : text, NULL);
    if (raw)
        return raw;
    if (kind != FIELD_TEXTS)
        return value_text(arena, text);
    struct value *list = value_list(arena);
    while (slice_is_set(text))
        value_append_text(arena, list, slice_cut(&text, ','));
    return list;
}

static void json_set(struct sending *sending, struct slice name, struct slice value) {
    if (!sending->json)
        sending->json = value_map(state.arena);
    if (!value_get_slice(sending->json, name))
        value_set(sending->json, name, json_of(field_of(sending->route->fields, name), value));
}

static void param_add(struct sending *sending, struct slice name, struct slice value, bool is_query) {
    if (!slice_is_set(value) || !name.len || !fuzz_is_clean(name) || !fuzz_is_clean(value))
        return;
    enum body_kind body = sending->route ? sending->route->body : BODY_NONE;
    if (is_query || body == BODY_NONE)
        pair_add(&sending->query, name, value);
    else if (body == BODY_FORM)
        pair_add(&sending->form, name, value);
    else
        json_set(sending, name, value);
}

static void all_add(struct sending *sending) {
    const struct route *route = sending->route;
    const struct field *tables[] = {route ? route->query : NULL, route ? route->fields : NULL};
    for (int i = 0; i < 2; i++)
        for (const struct field *field = tables[i]; field && field->name; field++)
            if (!line_names(sending, slice_of(field->name)))
                param_add(sending, slice_of(field->name), known_find(slice_of(field->name)), i == 0);
}

/* A proof of this request by a key of ours, with the last nonce. */
static struct slice dpop_make(const struct sending *sending, bool has_token) {
    static struct jose_key *key;
    struct arena *arena = state.arena;
    if (!key)
        key = jose_key_generate(JOSE_EDDSA);
    struct value *header = value_map(arena), *claims = value_map(arena);
    value_set_text(arena, header, "alg", SLICE("EdDSA"));
    value_set_text(arena, header, "typ", SLICE("dpop+jwt"));
    value_set_value(header, "jwk", jose_key_public(arena, key));
    value_set_text(arena, claims, "htm", sending->request.method);
    value_set_text(arena, claims, "htu", arena_printf(arena, WORLD_ISSUER "%.*s", SLICE_ARG(sending->request.path)));
    value_set_text(arena, claims, "jti", arena_printf(arena, "%u", random_word()));
    value_set_text(arena, claims, "nonce", known_find(SLICE("dpop-nonce")));
    value_set_int(arena, claims, "iat", (int64_t)time(NULL));
    if (has_token)
        value_set_text(arena, claims, "ath", sha256_base64url(arena, known_find(SLICE("access_token"))));
    struct buffer head = buffer_in(arena), body = buffer_in(arena);
    json_write(&head, header);
    json_write(&body, claims);
    return jws_sign(arena, key, JOSE_EDDSA, buffer_slice(&head), buffer_slice(&body));
}

static struct slice basic_make(struct slice given) {
    struct slice secret = value_for(SLICE("client_secret"), given);
    struct slice both = arena_printf(state.arena, "%.*s:%.*s", SLICE_ARG(known_find(SLICE("client_id"))),
                                     SLICE_ARG(secret));
    char *text = arena_alloc(state.arena, sodium_base64_ENCODED_LEN(both.len, sodium_base64_VARIANT_ORIGINAL) + 6);
    memcpy(text, "Basic ", 6);
    sodium_bin2base64(text + 6, sodium_base64_ENCODED_LEN(both.len, sodium_base64_VARIANT_ORIGINAL),
                      (const unsigned char *)both.at, both.len, sodium_base64_VARIANT_ORIGINAL);
    return slice_of(text);
}

static void header_add(struct sending *sending, struct slice name, struct slice given) {
    struct request *request = &sending->request;
    struct slice text = slice_is_set(given) ? value_for(name, given) : SLICE_NONE;
    const struct {
        const char *name;
        struct slice *slot;
        const char *otherwise;
    } slots[] = {
        {"origin", &request->origin, WORLD_ISSUER},
        {"site", &request->sec_fetch_site, "same-origin"},
        {"accept", &request->accept, "application/json"},
        {"language", &request->accept_language, "de"},
        {"type", &request->content_type, "text/plain"},
        {"authorization", &request->authorization, "Bearer"},
        {"agent", &request->user_agent, "Mozilla/5.0"},
        {"hotkey", &request->hotkey, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"},
        {"signature", &request->signature, "00"},
        {"nonce", &request->nonce, "1"},
    };
    for (size_t i = 0; i < sizeof(slots) / sizeof(*slots); i++)
        if (slice_is(name, slots[i].name))
            *slots[i].slot = slice_is_set(text) ? text : slice_of(slots[i].otherwise);
    if (slice_is(name, "cookie"))
        request->cookie = !slice_is_set(given) ? jar_text()
                          : given.len && given.at[0] == '$'
                              ? arena_printf(state.arena, "chutes-session-token=%.*s", SLICE_ARG(text))
                              : text;
    else if (slice_is(name, "bearer"))
        request->authorization = arena_printf(
            state.arena, "%s %.*s", sending->request.dpop.len ? "DPoP" : "Bearer",
            SLICE_ARG(slice_is_set(given) ? text : known_find(SLICE("access_token"))));
    else if (slice_is(name, "basic"))
        request->authorization = basic_make(given);
    else if (slice_is(name, "csrf"))
        request->csrf_token = slice_is_set(given) ? text : known_find(SLICE("csrf_token"));
    else if (slice_is(name, "dpop"))
        request->dpop = slice_is_set(given) && !slice_is(given, "ath") ? text : dpop_make(sending, slice_is_set(given));
}

static void word_add(struct sending *sending, struct slice word) {
    char kind = word.len ? word.at[0] : '-';
    bool is_marked = kind == '@' || kind == '?';
    struct slice rest = is_marked ? slice_from(word, 1) : word;
    struct slice name = slice_cut(&rest, '=');
    if (kind == '-')
        return;
    if (kind == '@')
        header_add(sending, name, rest);
    else if (slice_is(word, "*"))
        all_add(sending);
    else if (kind == '&')
        buffer_add(sending->route && sending->route->body == BODY_FORM ? &sending->form : &sending->query,
                   slice_from(word, 1));
    else
        param_add(sending, name, value_for(name, rest), kind == '?');
}

static const struct route *route_named(struct slice method, struct slice path) {
    for (const struct route *route = routes; route->method; route++)
        if (slice_is(path, route->path) && slice_is(method, route->method))
            return route;
    return NULL;
}

/* As the wire has it: no NUL, no space or control character in the target. */
static struct slice path_of(struct slice pattern) {
    struct buffer path = buffer_in(state.arena);
    while (pattern.len) {
        size_t brace = slice_find(pattern, '{');
        buffer_add(&path, slice_first(pattern, brace));
        pattern = slice_from(pattern, brace);
        if (!pattern.len)
            break;
        size_t end = slice_find(pattern, '}');
        if (end > 1)
            buffer_add(&path, known_find((struct slice){pattern.at + 1, end - 1}));
        pattern = slice_from(pattern, end < pattern.len ? end + 1 : end);
    }
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.at[i] <= ' ' || path.at[i] == 0x7f || path.at[i] == '?' || path.at[i] == '#')
            path.at[i] = '_';
    return path.len && path.at[0] == '/' ? buffer_slice(&path) : arena_printf(state.arena, "/");
}

static void sending_make(struct sending *sending, struct slice line) {
    static unsigned addresses;
    struct slice rest = line;
    struct slice method = slice_cut(&rest, ' ');
    struct slice path = slice_is_set(rest) ? slice_cut(&rest, ' ') : SLICE("/");
    *sending = (struct sending){.query = buffer_in(state.arena), .form = buffer_in(state.arena), .line = line};
    sending->route = route_named(method, path);
    addresses++;
    sending->request = (struct request){
        .arena = state.arena,
        .service = &world.generation->service,
        .id = "0123456789abcdef",
        .is_tls = true,
        .method = method.len ? method : SLICE("GET"),
        .path = path_of(path),
        .host = SLICE("id.example"),
        /* of another network each, so that no limit of an address is met */
        .address = arena_printf(state.arena, "2a00:%x:%x::1", addresses >> 16, addresses & 0xffff),
    };
    for (size_t i = 0; slice_is_set(rest) && i < HEADERS; i++)
        word_add(sending, slice_cut(&rest, ' '));
    struct request *request = &sending->request;
    enum body_kind body = sending->route ? sending->route->body : BODY_NONE;
    struct buffer json = buffer_in(state.arena);
    if (sending->json)
        json_write(&json, sending->json);
    request->query_text = buffer_slice(&sending->query);
    request->body = body == BODY_JSON ? buffer_slice(&json) : buffer_slice(&sending->form);
    if (body != BODY_NONE && !slice_is_set(request->content_type))
        request->content_type =
            body == BODY_JSON ? SLICE("application/json") : SLICE("application/x-www-form-urlencoded");
}

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
    if (request->route && (request->route->flags & ROUTE_NO_STORE))
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

/* --- mutation: by words and lines, or as libFuzzer does --- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char *const words[] = {
    "*", "@cookie", "@cookie=$admin_session", "@bearer", "@bearer=$api_key", "@bearer=$session", "@bearer=$admin_key",
    "@bearer=$registration_access_token", "@basic", "@basic=$client_id", "@dpop", "@dpop @bearer", "@dpop=ath @bearer",
    "@csrf", "@origin", "@origin=null", "@origin=https://evil.example", "@site", "@site=cross-site", "@site=none",
    "@accept", "@accept=text/html", "@language", "@type", "@agent", "@hotkey @signature @nonce", "prompt=none",
    "prompt=login", "prompt=consent", "grant_type=refresh_token", "grant_type=client_credentials",
    "grant_type=urn:ietf:params:oauth:grant-type:device_code",
    "grant_type=urn:ietf:params:oauth:grant-type:token-exchange", "action=deny", "action=add", "action=remove",
    "action=revoke", "action=make", "action=share", "action=unshare", "action=delete", "action=switch_on", "action=switch_off",
    "action=sign_out", "action=sign_out_everywhere", "action=save", "response_mode=form_post",
    "max_age=0", "scope=", "scope=openid", "scope=admin", "scope=openid+email+phone", "state=\"><zz>", "name=\"><zz>",
    "redirect_uri=https://evil.example/", "redirect_uri=http://127.0.0.1:1/", "return_to=//evil.example",
    "return_to=/admin/users", "user_id=me", "=:null", "=:[]", "=:{}", "=:1e308", "=:-9223372036854775808", "=true",
    "token_endpoint_auth_method=none", "token_endpoint_auth_method=private_key_jwt", "public=false", "active=false",
    "jwks_uri=https://keys.example/", "=$access_token", "=$refresh_token", "=$code", "=$client_id", "=$fingerprint",
    "-request_uri", "-refresh_token", "-code", "-client_secret", "-code_verifier", "-user_code", "resource=https://a.b/",
    "claims={\"userinfo\":{\"email\":null}}", "user_code", "device_code", "logo_url=https://a.b/\"onerror=zz",
};

/* A line of one of the routes with some words that make sense for it. */
static struct slice line_make(struct arena *arena, unsigned seed) {
    size_t count = 0;
    while (routes[count].method)
        count++;
    const struct route *route = &routes[seed % count];
    struct buffer line = buffer_in(arena);
    buffer_printf(&line, "%s %s", route->method, route->path);
    static const char *const callers[] = {" @cookie *", " @bearer=$api_key *", " @basic *", " @bearer *", " *", ""};
    buffer_add_text(&line, callers[seed / 97 % (sizeof(callers) / sizeof(*callers))]);
    return buffer_slice(&line);
}

static struct slice word_make(struct arena *arena, unsigned seed) {
    struct slice word = slice_of(words[seed % (sizeof(words) / sizeof(*words))]);
    if (word.at[0] != '=' && seed & 1 << 20)
        return word;
    const struct route *route = &routes[seed / 7 % 40];
    const struct field *fields = route->fields ? route->fields : route->query;
    size_t count = 0;
    while (fields && fields[count].name)
        count++;
    if (!count)
        return word;
    return arena_printf(arena, "%s%s", fields[seed / 11 % count].name, word.at[0] == '=' ? word.at : "");
}

/* Puts `more` in at the beginning or end of a word or line, or in its place. */
static size_t put(uint8_t *data, size_t size, size_t max, struct slice more, char between, unsigned seed) {
    size_t at = size ? seed % (size + 1) : 0, end;
    while (at < size && data[at] != (uint8_t)between && data[at] != '\n')
        at++;
    end = at;
    if (seed & 1 << 16) /* in place of the next one */
        for (end = at < size ? at + 1 : at; end < size && data[end] != (uint8_t)between && data[end] != '\n';)
            end++;
    if (size - (end - at) + more.len + 1 > max)
        return size;
    memmove(data + at + more.len + 1, data + end, size - end);
    data[at] = (uint8_t)between;
    memcpy(data + at + 1, more.at, more.len);
    return size - (end - at) + more.len + 1;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
    struct arena arena;
    unsigned kind = seed % 8;
    seed = seed * 2654435761u;
    if (kind < 3)
        return LLVMFuzzerMutate(data, size, max);
    arena_init(&arena);
    size = kind < 5 ? put(data, size, max, line_make(&arena, seed >> 3), '\n', seed)
                    : put(data, size, max, word_make(&arena, seed >> 3), ' ', seed);
    arena_free(&arena);
    return size;
}

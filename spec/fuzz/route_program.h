/* The programs of route_fuzz: a line is a request, whose words are
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
 * cookies, hidden fields of pages. */
#ifndef SPEC_FUZZ_ROUTE_PROGRAM_H
#define SPEC_FUZZ_ROUTE_PROGRAM_H

#include "world.h"

#include "base/json.h"
#include "checks/fields.h"
#include "crypto/hex.h"
#include "crypto/jose.h"
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

/* What was shown once, under its name among what is known. */
static const char *const secrets[] = {"fingerprint", "client_secret", "api_key", "session"};
enum { SECRETS = sizeof(secrets) / sizeof(*secrets) };

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
        buffer_printf(&text, "%s%.*s=%.*s", i ? "; " : "", SLICE_ARG(state.jar[i].name), SLICE_ARG(state.jar[i].value));
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
    struct slice both =
        arena_printf(state.arena, "%.*s:%.*s", SLICE_ARG(known_find(SLICE("client_id"))), SLICE_ARG(secret));
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
        request->authorization =
            arena_printf(state.arena, "%s %.*s", sending->request.dpop.len ? "DPoP" : "Bearer",
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

#endif

/* Mutation by words and lines that make sense, or as libFuzzer does. */
#ifndef SPEC_FUZZ_ROUTE_MUTATOR_H
#define SPEC_FUZZ_ROUTE_MUTATOR_H

#include "base/buffer.h"
#include "checks/fields.h"
#include "server/route.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char *const fitting_words[] = {
    "*",
    "@cookie",
    "@cookie=$admin_session",
    "@bearer",
    "@bearer=$api_key",
    "@bearer=$session",
    "@bearer=$admin_key",
    "@bearer=$registration_access_token",
    "@basic",
    "@basic=$client_id",
    "@dpop",
    "@dpop @bearer",
    "@dpop=ath @bearer",
    "@csrf",
    "@origin",
    "@origin=null",
    "@origin=https://evil.example",
    "@site",
    "@site=cross-site",
    "@site=none",
    "@accept",
    "@accept=text/html",
    "@language",
    "@type",
    "@agent",
    "@hotkey @signature @nonce",
    "prompt=none",
    "prompt=login",
    "prompt=consent",
    "grant_type=refresh_token",
    "grant_type=client_credentials",
    "grant_type=urn:ietf:params:oauth:grant-type:device_code",
    "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
    "action=deny",
    "action=add",
    "action=remove",
    "action=revoke",
    "action=make",
    "action=share",
    "action=unshare",
    "action=delete",
    "action=switch_on",
    "action=switch_off",
    "action=sign_out",
    "action=sign_out_everywhere",
    "action=save",
    "response_mode=form_post",
    "max_age=0",
    "scope=",
    "scope=openid",
    "scope=admin",
    "scope=openid+email+phone",
    "scope=a\"b\\c",
    "state=\"><zz>",
    "name=\"><zz>",
    "redirect_uri=https://evil.example/",
    "redirect_uri=http://127.0.0.1:1/",
    "return_to=//evil.example",
    "return_to=/admin/users",
    "user_id=me",
    "=:null",
    "=:[]",
    "=:{}",
    "=:1e308",
    "=:-9223372036854775808",
    "=true",
    "token_endpoint_auth_method=none",
    "token_endpoint_auth_method=private_key_jwt",
    "public=false",
    "active=false",
    "jwks_uri=https://keys.example/",
    "=$access_token",
    "=$refresh_token",
    "=$code",
    "=$client_id",
    "=$fingerprint",
    "-request_uri",
    "-refresh_token",
    "-code",
    "-client_secret",
    "-code_verifier",
    "-user_code",
    "resource=https://a.b/",
    "claims={\"userinfo\":{\"email\":null}}",
    "user_code",
    "device_code",
    "logo_url=https://a.b/\"onerror=zz",
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
    struct slice word = slice_of(fitting_words[seed % (sizeof(fitting_words) / sizeof(*fitting_words))]);
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

#endif

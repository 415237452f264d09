#include "../../engine/checks/redirect_uri.c"

#include "../unit/unit.h"

static struct arena arena;

static bool parses(const char *text) {
    struct uri uri;
    return uri_parse(&arena, slice_of(text), &uri);
}

static void parses_what_rfc_3986_allows(void) {
    struct uri uri;
    CHECK(uri_parse(&arena, SLICE("HTTPS://App.Example:8443/cb?x=1"), &uri));
    CHECK(slice_is(uri.scheme, "https") && slice_is(uri.host, "app.example"));
    CHECK(slice_is(uri.before_port, "HTTPS://App.Example") && slice_is(uri.after_port, "/cb?x=1"));
    CHECK(!uri.has_fragment && !uri.has_userinfo);
    CHECK(uri_parse(&arena, SLICE("http://[::1]:99/"), &uri) && slice_is(uri.host, "[::1]"));
    CHECK(uri_parse(&arena, SLICE("com.example.app:/cb"), &uri) && !uri.has_authority);
    CHECK(uri_parse(&arena, SLICE("https://a@b/"), &uri) && uri.has_userinfo && slice_is(uri.host, "b"));
    CHECK(uri_parse(&arena, SLICE("https://b/#f"), &uri) && uri.has_fragment);
    CHECK(uri_parse(&arena, SLICE("https://b?q"), &uri) && slice_is(uri.host, "b"));
    CHECK(uri_parse(&arena, SLICE("https://xn--bcher-kva.My_App.example.:65535/"), &uri));
    CHECK(uri_parse(&arena, SLICE("https://[2001:DB8::7.7.7.7]/"), &uri) && slice_is(uri.host, "[2001:db8::7.7.7.7]"));
}

static void refuses_the_rest(void) {
    const char *const bad[] = {"",
                               "/relative",
                               "://x",
                               "1http://x",
                               "https:",
                               "https://",
                               "https://a b/",
                               "https://a\"b/",
                               "https://[::1",
                               "https://a:12x/",
                               "http://a\\b",
                               "https://a:123456/",
                               "https://a\n/",
                               "https://:80/",
                               "https://\xc3\xa4/",
                               "https://a;sandbox/cb",
                               "https://a,b/cb",
                               "https://*/cb",
                               "https://*.b/cb",
                               "https://a'b/cb",
                               "https://]/cb",
                               "https://%/cb",
                               "https://%41/cb",
                               "https://a+b/cb",
                               "https://a~b/cb",
                               "https://./cb",
                               "https://.a/cb",
                               "https://a..b/cb",
                               "https://[::1%25lo]/cb",
                               "https://[v1.a]/cb",
                               "https://[a]/cb",
                               "https://[]/cb",
                               "https://[/cb",
                               "com.example.app://a;b/cb",
                               "http://localhost:65536/",
                               "http://localhost:99999/",
                               "http://localhost:000080/",
                               "http://localhost:4294967376/", /* 80 in 32 bits */
                               "http://localhost:-1/",
                               "http://localhost::1/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!parses(bad[i]));
    CHECK(!uri_parse(&arena, (struct slice){"https://a\0b/", 12}, &(struct uri){0}));
    char longest[REDIRECT_URI_LEN_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "https://", 8);
    CHECK(uri_parse(&arena, (struct slice){longest, REDIRECT_URI_LEN_MAX}, &(struct uri){0}));
    CHECK(!uri_parse(&arena, (struct slice){longest, REDIRECT_URI_LEN_MAX + 1}, &(struct uri){0}));
}

static bool registered(const char *registered, const char *asked) {
    const struct app app = {.redirect_uris = slice_of(registered)};
    const struct app left = {.metadata.post_logout_redirect_uris = slice_of(registered)};
    bool is_registered = redirect_uri_is_registered(&arena, &app, slice_of(asked));
    CHECK(post_logout_redirect_uri_is_registered(&arena, &left, slice_of(asked)) == is_registered);
    CHECK(!post_logout_redirect_uri_is_registered(&arena, &app, slice_of(asked)));
    return is_registered;
}

static void compares_byte_for_byte(void) {
    const char *two = "https://a.example/cb https://b.example/cb?x=1";
    CHECK(registered(two, "https://a.example/cb"));
    CHECK(registered(two, "https://b.example/cb?x=1"));
    CHECK(!registered(two, "https://a.example/cb/"));
    CHECK(!registered(two, "https://a.example/CB"));
    CHECK(!registered(two, "https://A.example/cb"));
    CHECK(!registered(two, "https://a.example:443/cb"));
    CHECK(!registered(two, "https://a.example/cb?x=1"));
    CHECK(!registered(two, "https://b.example/cb"));
    CHECK(!registered(two, ""));
    CHECK(!registered("", "https://a.example/cb"));
}

static void lets_the_port_of_a_loopback_address_vary(void) {
    CHECK(registered("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"));
    CHECK(registered("http://127.0.0.1:3000/cb", "http://127.0.0.1:51004/cb"));
    CHECK(registered("http://[::1]/cb", "http://[::1]:51004/cb"));
    CHECK(registered("http://localhost:1/cb?a=b", "http://localhost/cb?a=b"));
    CHECK(!registered("http://127.0.0.1/cb", "http://127.0.0.1:51004/other"));
    CHECK(!registered("http://127.0.0.1/cb", "http://localhost:51004/cb"));
    CHECK(!registered("https://127.0.0.1/cb", "https://127.0.0.1:51004/cb"));
    CHECK(!registered("http://10.0.0.1/cb", "http://10.0.0.1:51004/cb"));
    CHECK(!registered("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb"));
    CHECK(!registered("http://127.0.0.1/cb", "http://evil@127.0.0.1:1/cb"));
    CHECK(!registered("http://u@127.0.0.1/cb", "http://u@127.0.0.1:1/cb"));
    CHECK(registered("http://127.0.0.1/cb", "http://127.0.0.1:65535/cb"));
    CHECK(registered("http://127.0.0.1/cb", "http://127.0.0.1:0/cb"));
    CHECK(!registered("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"));
    CHECK(!registered("http://localhost/cb", "http://localhost:99999/cb"));
}

static void knows_nothing_that_is_no_uri(void) {
    CHECK(!registered("http://localhost:99999/cb", "http://localhost:99999/cb"));
    CHECK(!registered("https://a;sandbox/cb", "https://a;sandbox/cb"));
}

static bool is_target(const char *text, const char *target) {
    return slice_equal(uri_target(&arena, slice_of(text)), slice_of(target));
}

static void knows_what_a_uri_names(void) {
    CHECK(is_target("https://a.example", "https://a.example/"));
    CHECK(is_target("https://a.example?q=/x#f", "https://a.example/"));
    CHECK(is_target("HTTPS://A.Example:443/p%41th/%7e%2f%C3%a4?q", "https://a.example/pAth/~%2F%C3%A4"));
    CHECK(is_target("http://a:80/x", "http://a/x") && is_target("http://a:/x", "http://a/x"));
    CHECK(is_target("http://a:443/x", "http://a:443/x") && is_target("https://a:80/x", "https://a:80/x"));
    CHECK(is_target("http://[::1]:8080/X", "http://[::1]:8080/X"));
    CHECK(is_target("http://a/%00", "http://a/%00") && is_target("http://a/%25", "http://a/%25"));
    const char *const bad[] = {"",
                               "/x",
                               "a:/x",
                               "https://u@a/x",
                               "https://a/%",
                               "https://a/%4",
                               "https://a/%4g",
                               "https://a/%0x41",
                               "https://a b/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!slice_is_set(uri_target(&arena, slice_of(bad[i]))));
}

static void builds_redirects(void) {
    const struct redirect_param params[] = {
        {"code", SLICE("a b&=\xc3\xa4~")}, {"state", SLICE_NONE}, {"iss", SLICE("https://x")}};
    CHECK(slice_is(redirect_build(&arena, SLICE("https://a/cb"), params, 3),
                   "https://a/cb?code=a%20b%26%3D%C3%A4~&iss=https%3A%2F%2Fx"));
    CHECK(slice_is(redirect_build(&arena, SLICE("https://a/cb?x=1"), params + 2, 1),
                   "https://a/cb?x=1&iss=https%3A%2F%2Fx"));
    CHECK(slice_is(uri_origin(&arena, SLICE("https://A.example:8443/cb?x#y")), "https://a.example:8443"));
    CHECK(slice_is(uri_origin(&arena, SLICE("com.example.app:/cb")), "com.example.app:"));
}

int main(void) {
    arena_init(&arena);
    RUN(parses_what_rfc_3986_allows);
    RUN(refuses_the_rest);
    RUN(compares_byte_for_byte);
    RUN(lets_the_port_of_a_loopback_address_vary);
    RUN(knows_nothing_that_is_no_uri);
    RUN(knows_what_a_uri_names);
    RUN(builds_redirects);
    arena_free(&arena);
    arena_pool_drain();
    return unit_end();
}

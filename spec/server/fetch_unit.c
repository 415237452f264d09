#include "../../engine/server/fetch.c"

#include "../unit/unit.h"

/* What is a public address, whoever spells it: by the ranges of RFC 6890 and what wraps them. The live side is
 * spec/http/client_jwks_spec.lua. */
static bool public(const char *text) {
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        return is_public((const struct sockaddr *)(const void *)&in4);
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        abort();
    return is_public((const struct sockaddr *)(const void *)&in6);
}

static void knows_public_addresses(void) {
    static const char *const yes[] = {
        "1.1.1.1",    "8.8.8.8",      "11.0.0.1",     "9.255.255.255", "100.63.255.255",    "100.128.0.1",
        "172.15.0.1", "172.32.0.1",   "192.167.1.1",  "192.169.0.1",   "198.17.0.1",        "198.20.0.1",
        "223.1.1.1",  "2606:4700::1", "2a00:1450::1", "2400:cb00::",   "2002:0808:0808::1", "::ffff:8.8.8.8"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        CHECK(public(yes[i]));
        if (!public(yes[i]))
            printf("# %s\n", yes[i]);
    }
}

static void knows_all_others(void) {
    static const char *const no[] = {
        "0.0.0.0",       "0.1.2.3",          "10.0.0.1",        "10.255.255.255",  "100.64.0.1",      "100.127.255.255",
        "127.0.0.1",     "127.255.255.254",  "169.254.169.254", "172.16.0.1",      "172.31.255.255",  "192.0.0.1",
        "192.0.2.1",     "192.88.99.1",      "192.168.0.1",     "198.18.0.1",      "198.19.255.255",  "198.51.100.1",
        "203.0.113.1",   "224.0.0.1",        "239.1.1.1",       "240.0.0.1",       "255.255.255.255", "::",
        "::1",           "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",  "fc00::1",
        "fd12:3456::1",  "fe80::1",          "ff02::1",         "2001:db8::1",     "2001::1",         "2001:20::1",
        "2002:7f00:1::", "2002:a00:1::1",    "100::1",          "::7f00:1",        "4000::1",         "2001:10::1",
    };
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
        CHECK(!public(no[i]));
        if (public(no[i]))
            printf("# %s\n", no[i]);
    }
}

int main(void) {
    RUN(knows_public_addresses);
    RUN(knows_all_others);
    return unit_end();
}

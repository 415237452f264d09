/* An edition: what an operator changes while the server runs, read at one moment and swapped as one: policies, pages,
 * certificate, countries, and the settings `branding` and `country_database`. The workers share it; each runs it in a
 * generation of its own, with a Lua state of its own. */
#ifndef SERVER_EDITION_H
#define SERVER_EDITION_H

#include "server/service.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct edition {
    _Atomic int references;
    struct policy_source *policies;
    struct pages *pages;
    struct countries *countries; /* NULL: none is configured */
    SSL_CTX *tls;                /* NULL: plain HTTP */
    char version[POLICY_VERSION_LEN + 1];
    struct shadow_record record; /* of one that is a shadow */
};

/* Reads and checks everything; NULL with *error ("file:line: message", one a line) when anything is wrong. The caller
 * has the one reference. */
struct edition *edition_open(struct arena *arena, const struct settings *settings, struct slice *error);
/* Of policies alone, from that directory: a candidate, for generation_shadow. */
struct edition *edition_candidate_open(struct arena *arena, const struct settings *settings, const char *directory,
                                       struct slice *error);
/* The pages as an edition has them: those of the settings' templates, with the branding of the settings file, whose
 * value this is. NULL with *error. */
struct pages *edition_pages_open(struct arena *arena, const char *templates, const struct value *settings_file,
                                 struct slice *error);
void edition_retain(struct edition *edition);
void edition_release(struct edition *edition);

/* A worker's use of an edition. Requests that began under it end under it: it is disposed when the last of them has. */
struct generation {
    struct service service; /* its policy is the generation's, its pages the edition's */
    struct edition *edition;
    struct edition *shadow; /* whose policies are asked beside, or NULL */
    size_t requests;        /* that still use it */
    bool is_retired;
};

/* Retains the edition. `db` is set by the worker. NULL with *error when the policies do not load. */
struct generation *generation_open(struct arena *arena, struct edition *edition, const struct settings *settings,
                                   const struct keyring *keyring, struct slice *error);
/* `candidate` is a policy of that edition, opened for this generation; NULL, NULL ends the shadow. On the generation's
 * thread, or before it has one. */
struct policy *generation_candidate_open(struct arena *arena, struct edition *shadow, const struct settings *settings,
                                         struct slice *error);
void generation_shadow(struct generation *generation, struct edition *shadow, struct policy *candidate);
/* No request may use it. */
void generation_close(struct generation *generation);

#endif

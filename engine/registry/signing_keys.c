#include "registry/signing_keys.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "server/offload.h"

#include <stdlib.h>

enum {
    KEYS_MAX = 64,
    REFRESH_MAX_MS = 5000,
    REFRESH_MIN_MS = 200,
    NEED_STEP_S = 86400, /* `needed_until` is raised by so much more than needed: a write a day */
    RETIRE_AFTER_S = 600 /* servers know of a successor by then */
};

static const enum jose_alg signing_algs[] = {JOSE_RS256, JOSE_ES256, JOSE_EDDSA};
enum { SIGNING_ALG_COUNT = sizeof(signing_algs) / sizeof(*signing_algs) };

struct signing_key {
    struct slice key_id;
    enum jose_alg alg;
    struct jose_key *key;
    int64_t active_from, needed_until;
};

/* A fiber may be waiting with a key in hand when a new set comes: the old one stays until the thread ends. Rotations
 * are rare. */
struct key_set {
    struct arena arena;
    struct key_set *before;
    size_t count;
    struct signing_key keys[KEYS_MAX];
    struct slice jwks;
};

struct signing {
    const struct keyring *keyring;
    const struct settings *settings;
    struct key_set *set;
    int64_t next_refresh_ms;
};

#define OTHERWISE \
    "A signing key in the database does not open: this server's secret is another than the one it was sealed with. " \
    "Give every server the same secret; if it is lost, `moonlatch keys rotate --anew` makes new keys."

static void set_free(struct key_set *set) {
    for (size_t i = 0; i < set->count; i++)
        jose_key_free(set->keys[i].key);
    arena_free(&set->arena);
    free(set);
}

static struct jose_key *key_unseal(struct arena *arena, const struct keyring *keyring, enum jose_alg alg,
                                   struct slice sealed) {
    struct slice der = unseal(arena, keyring, KEY_SIGNING, sealed);
    if (!slice_is_set(der))
        return NULL;
    struct jose_key *key = jose_key_from_der(alg, der);
    secret_wipe((char *)(uintptr_t)der.at, der.len);
    return key;
}

/* The public part as others see it: with kid, alg and use (RFC 7517 §4). */
static struct value *published(struct arena *arena, const struct rows *rows, size_t row) {
    struct value *jwk = json_parse(arena, row_text(rows, row, "public_jwk"), NULL);
    if (!jwk)
        return NULL;
    value_set_text(arena, jwk, "kid", arena_copy(arena, row_text(rows, row, "key_id")));
    value_set_text(arena, jwk, "alg", arena_copy(arena, row_text(rows, row, "alg")));
    value_set_text(arena, jwk, "use", SLICE("sig"));
    return jwk;
}

/* NULL when a key does not open. */
static struct key_set *set_from(const struct keyring *keyring, const struct rows *rows) {
    struct key_set *set = calloc(1, sizeof(*set));
    if (!set)
        abort();
    arena_init(&set->arena);
    struct value *jwks = value_map(&set->arena), *list = value_list(&set->arena);
    for (size_t i = 0; rows && i < rows->count && i < KEYS_MAX; i++) {
        struct signing_key *key = &set->keys[set->count];
        struct value *jwk = published(&set->arena, rows, i);
        if (jwk && jose_alg_from(row_text(rows, i, "alg"), &key->alg))
            key->key = key_unseal(&set->arena, keyring, key->alg, row_text(rows, i, "private_key"));
        if (!key->key) {
            set_free(set);
            return NULL;
        }
        key->key_id = arena_copy(&set->arena, row_text(rows, i, "key_id"));
        key->active_from = row_int(rows, i, "active_from");
        key->needed_until = row_int(rows, i, "needed_until");
        set->count++;
        value_append(list, jwk);
    }
    value_set_value(jwks, "keys", list);
    struct buffer text = buffer_in(&set->arena);
    json_write(&text, jwks);
    set->jwks = buffer_slice(&text);
    return set;
}

static bool set_is_of(const struct key_set *set, const struct rows *rows) {
    bool same = set->count == rows->count;
    for (size_t i = 0; same && i < rows->count; i++)
        same = slice_equal(set->keys[i].key_id, row_text(rows, i, "key_id"));
    return same;
}

/* Often enough that a server knows a key well before it signs. */
static int64_t refresh_ms(const struct settings *settings) {
    int64_t quarter_ms = settings->key_lead_s * 1000 / 4;
    return quarter_ms < REFRESH_MIN_MS ? REFRESH_MIN_MS : quarter_ms > REFRESH_MAX_MS ? REFRESH_MAX_MS : quarter_ms;
}

struct signing *signing_open(const struct keyring *keyring, const struct settings *settings, const struct rows *rows,
                             struct slice *error) {
    struct key_set *set = set_from(keyring, rows);
    if (!set) {
        *error = SLICE(OTHERWISE);
        return NULL;
    }
    struct signing *signing = malloc(sizeof(*signing));
    if (!signing)
        abort();
    *signing = (struct signing){keyring, settings, set, clock_monotonic_ms() + refresh_ms(settings)};
    return signing;
}

void signing_close(struct signing *signing) {
    while (signing->set) {
        struct key_set *before = signing->set->before;
        set_free(signing->set);
        signing->set = before;
    }
    free(signing);
}

bool signing_is_due(const struct signing *signing, int64_t now_ms) {
    return now_ms >= signing->next_refresh_ms;
}

struct slice signing_jwks(const struct signing *signing) {
    return signing->set->jwks;
}

/* --- signing --- */

/* The latest of its algorithm whose time has come. */
static struct signing_key *key_active(const struct signing *signing, enum jose_alg alg, int64_t now_s) {
    struct signing_key *found = NULL;
    for (size_t i = 0; i < signing->set->count; i++) {
        struct signing_key *key = &signing->set->keys[i];
        if (key->alg == alg && key->active_from <= now_s && (!found || key->active_from >= found->active_from))
            found = key;
    }
    return found;
}

/* Before a token leaves, the store knows for how long its key has to stay. */
static enum error key_need(struct request *request, struct signing_key *key, int64_t expires_at_s) {
    if (expires_at_s < key->needed_until)
        return ERROR_NONE;
    int64_t until_s = expires_at_s + NEED_STEP_S;
    struct batch batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_signing_key_need, db_text(key->key_id), db_int(until_s));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    key->needed_until = until_s;
    return ERROR_NONE;
}

struct signature_job {
    struct arena arena; /* of the thread that works */
    const struct jose_key *key;
    enum jose_alg alg;
    struct slice header, payload;
    char *jwt; /* malloc'd; NULL: failed */
    size_t len;
};

static void signature_make(void *data) {
    struct signature_job *job = data;
    arena_init(&job->arena);
    struct slice jwt = jws_sign(&job->arena, job->key, job->alg, job->header, job->payload);
    job->jwt = slice_is_set(jwt) ? malloc(jwt.len) : NULL;
    job->len = jwt.len;
    if (job->jwt)
        memcpy(job->jwt, jwt.at, jwt.len);
    arena_free(&job->arena);
}

/* An RSA signature takes a thousand times a lookup's time. */
static struct slice sign_elsewhere(struct request *request, const struct signing_key *key, struct slice header,
                                   struct slice payload, enum error *error) {
    struct signature_job job = {.key = key->key, .alg = key->alg, .header = header, .payload = payload};
    *error = offload_run(request->service, signature_make, &job) ? ERROR_NONE : ERROR_OVERLOADED;
    if (*error || !job.jwt)
        return SLICE_NONE;
    struct slice jwt = arena_copy(request->arena, (struct slice){job.jwt, job.len});
    free(job.jwt);
    return jwt;
}

struct slice jwt_sign(struct request *request, enum jose_alg alg, const char *type, const struct value *claims,
                      int64_t expires_at_s, enum error *error) {
    struct arena *arena = request->arena;
    struct signing_key *key = key_active(request->service->signing, alg, clock_now_s());
    *error = key ? key_need(request, key, expires_at_s) : ERROR_INTERNAL;
    if (*error)
        return SLICE_NONE;
    struct slice header = arena_printf(arena, "{\"alg\":\"%s\",\"typ\":\"%s\",\"kid\":\"%.*s\"}", jose_alg_name(alg),
                                       type, SLICE_ARG(key->key_id));
    struct buffer payload = buffer_in(arena);
    json_write(&payload, claims);
    struct slice jwt = alg == JOSE_RS256 ? sign_elsewhere(request, key, header, buffer_slice(&payload), error)
                                         : jws_sign(arena, key->key, alg, header, buffer_slice(&payload));
    if (!slice_is_set(jwt) && !*error)
        *error = ERROR_INTERNAL;
    return jwt;
}

bool jwt_is_ours(struct request *request, const struct jws *jws) {
    const struct key_set *set = request->service->signing->set;
    for (size_t i = 0; i < set->count; i++)
        if (set->keys[i].alg == jws->alg && slice_equal(set->keys[i].key_id, jws->kid))
            return jws_verify(jws, set->keys[i].key);
    return false;
}

/* --- making keys --- */

struct making {
    enum jose_alg alg;
    struct jose_key *key;
};

static void key_make(void *data) {
    struct making *making = data;
    making->key = jose_key_generate(making->alg);
}

/* The next generation of an algorithm. That another server has made it meanwhile is as good. */
static enum error key_store(struct request *request, enum jose_alg alg, int64_t generation, int64_t active_from_s) {
    struct arena *arena = request->arena;
    struct making making = {.alg = alg};
    if (!offload_run(request->service, key_make, &making))
        return ERROR_OVERLOADED;
    if (!making.key)
        return ERROR_INTERNAL;
    struct value *jwk = jose_key_public(arena, making.key);
    struct slice key_id = jose_thumbprint(arena, jwk), der = jose_key_der(arena, making.key);
    struct slice sealed = seal(arena, request->service->keyring, KEY_SIGNING, der);
    secret_wipe((char *)(uintptr_t)der.at, der.len);
    jose_key_free(making.key);
    struct buffer text = buffer_in(arena);
    json_write(&text, jwk);
    struct batch batch = batch_in(arena);
    struct rows *made =
        batch_add(&batch, STATEMENT_signing_key_insert, db_text(key_id), db_text(slice_of(jose_alg_name(alg))),
                  db_int(generation), db_text(buffer_slice(&text)), db_text(sealed), db_int(clock_now_s()),
                  db_int(active_from_s));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (made->count)
        log_info("signing_key_made", log_text("key_id", key_id), log_string("alg", jose_alg_name(alg)),
                 log_int("active_from", active_from_s));
    return ERROR_NONE;
}

enum error signing_keys_read(struct request *request, struct rows **rows) {
    struct batch batch = batch_in(request->arena);
    *rows = batch_add_values(&batch, STATEMENT_signing_key_list, NULL, 0);
    return db_run(request->service->db, &batch) ? ERROR_NONE : ERROR_STORE_UNAVAILABLE;
}

/* The last generation of an algorithm among the rows: its number and when it begins; 0 and 0 when there is none. */
static int64_t last_generation(const struct rows *rows, enum jose_alg alg, int64_t *active_from_s) {
    int64_t last = 0;
    *active_from_s = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (!slice_is(row_text(rows, i, "alg"), jose_alg_name(alg)) || row_int(rows, i, "generation") < last)
            continue;
        last = row_int(rows, i, "generation");
        *active_from_s = row_int(rows, i, "active_from");
    }
    return last;
}

enum error signing_keys_prepare(struct request *request) {
    struct rows *rows;
    enum error error = signing_keys_read(request, &rows);
    for (size_t i = 0; !error && i < SIGNING_ALG_COUNT; i++) {
        int64_t active_from_s;
        if (last_generation(rows, signing_algs[i], &active_from_s) == 0)
            error = key_store(request, signing_algs[i], 1, clock_now_s());
    }
    return error;
}

enum error signing_keys_rotate(struct request *request, bool now) {
    struct rows *rows;
    enum error error = signing_keys_read(request, &rows);
    struct key_set *set = error ? NULL : set_from(request->service->keyring, rows);
    if (!error && !set)
        return fail(request, ERROR_CONFLICT, OTHERWISE);
    if (set)
        set_free(set);
    if (!error && rows->count + SIGNING_ALG_COUNT > KEYS_MAX)
        return fail(request, ERROR_CONFLICT, "There are %d keys already; the oldest must retire first.",
                    (int)rows->count);
    int64_t active_from_s = clock_now_s() + (now ? 0 : request->service->settings->key_lead_s);
    for (size_t i = 0; !error && i < SIGNING_ALG_COUNT; i++) {
        int64_t before_s;
        int64_t last = last_generation(rows, signing_algs[i], &before_s);
        error = key_store(request, signing_algs[i], last + 1, active_from_s);
    }
    return error;
}

enum error signing_keys_renew(struct request *request) {
    struct batch batch = batch_in(request->arena);
    batch_add_values(&batch, STATEMENT_signing_key_delete_all, NULL, 0);
    return db_run(request->service->db, &batch) ? signing_keys_prepare(request) : ERROR_STORE_UNAVAILABLE;
}

/* By age: the next one is made so early that it is published for the lead when the old one's time is over. */
static enum error rotate_by_age(struct request *request, const struct rows *rows) {
    const struct settings *settings = request->service->settings;
    int64_t now_s = clock_now_s();
    for (size_t i = 0; i < SIGNING_ALG_COUNT; i++) {
        int64_t active_from_s, last = last_generation(rows, signing_algs[i], &active_from_s);
        if (active_from_s + settings->key_age_s > now_s + settings->key_lead_s)
            continue;
        enum error error = key_store(request, signing_algs[i], last + 1, now_s + settings->key_lead_s);
        if (error)
            return error;
    }
    return ERROR_NONE;
}

/* Rows are in the order of algorithm and generation. */
static bool some_may_retire(const struct rows *rows, int64_t now_s) {
    for (size_t i = 1; i < rows->count; i++)
        if (row_int(rows, i - 1, "needed_until") < now_s && row_int(rows, i, "active_from") < now_s - RETIRE_AFTER_S &&
            slice_equal(row_text(rows, i - 1, "alg"), row_text(rows, i, "alg")))
            return true;
    return false;
}

static enum error retire(struct request *request, const struct rows *rows) {
    int64_t now_s = clock_now_s();
    if (!some_may_retire(rows, now_s))
        return ERROR_NONE;
    struct batch batch = batch_in(request->arena);
    struct rows *gone = batch_add(&batch, STATEMENT_signing_key_retire, db_int(now_s), db_int(now_s - RETIRE_AFTER_S));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    for (size_t i = 0; i < gone->count; i++)
        log_info("signing_key_retired", log_text("key_id", row_text(gone, i, "key_id")));
    return ERROR_NONE;
}

void signing_refresh(const struct service *service, bool keeps) {
    struct signing *signing = service->signing;
    struct arena arena;
    arena_init(&arena);
    signing->next_refresh_ms = INT64_MAX; /* one at a time */
    struct request request = {.arena = &arena, .service = service, .id = "signing-keys"};
    struct rows *rows;
    enum error error = signing_keys_read(&request, &rows);
    if (!error && keeps && !(error = rotate_by_age(&request, rows)) && !(error = retire(&request, rows)))
        error = signing_keys_read(&request, &rows);
    if (!error && !set_is_of(signing->set, rows)) {
        struct key_set *set = set_from(signing->keyring, rows);
        if (set) {
            set->before = signing->set;
            signing->set = set;
        } else {
            log_error("signing_key_sealed_otherwise", log_int("keys", (int64_t)rows->count));
        }
    }
    arena_free(&arena);
    signing->next_refresh_ms = clock_monotonic_ms() + refresh_ms(signing->settings);
}

/* The keys that sign id_tokens, JWT access tokens and logout tokens. They are rows of the store, sealed with the
 * servers' secret, so that every server signs with the same ones; each thread has a copy, read anew every few seconds.
 *
 * A key is published (JWKS) from when it is made, signs from `active_from` on (settings.key_lead_s later, so that
 * whoever keeps our JWKS knows it by then), until a later one of its algorithm does, and stays published until the last
 * token that it has signed has expired. */
#ifndef REGISTRY_SIGNING_KEYS_H
#define REGISTRY_SIGNING_KEYS_H

#include "crypto/jose.h"
#include "server/response.h"

struct signing;
struct signing_key;

/* A thread's copy; `rows` (of signing_key_list, or NULL) is how it begins. NULL with *error when a key does not open:
 * the servers' secret is another than the one they were sealed with. */
struct signing *signing_open(const struct keyring *keyring, const struct settings *settings, const struct rows *rows,
                             struct slice *error);
void signing_close(struct signing *signing);

/* Reads the keys anew when it is time (a worker calls this each second, on a fiber); `keeps`: makes the next generation
 * when it is due and deletes what nobody needs, too. */
void signing_refresh(const struct service *service, bool keeps);
/* Whether that would do anything now. */
bool signing_is_due(const struct signing *signing, int64_t now_ms);

/* The JWK set (RFC 7517 §5) as JSON; lives as long as `signing`. */
struct slice signing_jwks(const struct signing *signing);

/* A JWT of that type ("JWT", "at+jwt", "logout+jwt") around the claims, which must be gone by expires_at_s. Absent,
 * with *error, when it cannot be made. RSA is signed off the loop. */
struct slice jwt_sign(struct request *request, enum jose_alg alg, const char *type, const struct value *claims,
                      int64_t expires_at_s, enum error *error);

/* Whether one of our keys, still published, has signed it. */
bool jwt_is_ours(struct request *request, const struct jws *jws);

/* --- for the command line and the start of a server: blocking --- */

/* Makes what is missing: one key of each algorithm that signs at once. */
enum error signing_keys_prepare(struct request *request);
/* One more generation of each algorithm; it signs after the lead, or `now`. *rows: all keys. */
enum error signing_keys_rotate(struct request *request, bool now);
/* Deletes all keys, whoever can open them, and makes the first ones: what they have signed is not ours any more. */
enum error signing_keys_renew(struct request *request);
enum error signing_keys_read(struct request *request, struct rows **rows);

#endif

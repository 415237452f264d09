/* Dynamic client registration (RFC 7591 §2): client metadata under its RFC names, and as the fields of an app. */
#ifndef CHECKS_REGISTRATION_H
#define CHECKS_REGISTRATION_H

#include "checks/fields.h"
#include "store/record.h"

/* What a client may say of itself; more is ignored (RFC 7591 §2). */
extern const struct field registration_fields[];

enum { REGISTRATION_TOKEN_LEN = 4 + 48 }; /* crg_ + A-Za-z0-9 */

/* request->json, as the client sent it, becomes the body that POST /idp/apps takes (checks/app_rules.h). With `current`
 * it is a replacement: what is not said goes back to its default (RFC 7592 §2.2). ERROR_INVALID_CLIENT_METADATA. */
enum error registration_read(struct request *request, const struct app *current);

/* What app_new_check and app_change_check found, as RFC 7591 §3.2.2 says it; other errors stay as they are. */
enum error registration_error(struct request *request, enum error error);

/* The client as an answer shows it (RFC 7591 §3.2.1); the caller adds its secrets. */
struct value *registration_json(struct request *request, const struct app *app);

/* The client that a registration access token is for (RFC 7592 §2). ERROR_INVALID_TOKEN. */
enum error registration_check(struct request *request, struct slice client_id, struct app *app);

#endif

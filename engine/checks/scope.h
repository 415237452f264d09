/* Scope parameters (RFC 6749 §3.3) and what the scope policy makes of them. */
#ifndef CHECKS_SCOPE_H
#define CHECKS_SCOPE_H

#include "server/response.h"
#include "store/record.h"

enum { SCOPE_TEXT_MAX = 4096, SCOPE_COUNT_MAX = 64 };

/* The asked scopes, each once, in order; the policy's default when none is asked. ERROR_INVALID_SCOPE
 * for a character outside RFC 6749's set, too many, or a scope that the policy does not know. */
enum error scope_check(struct request *request, struct slice scope, const struct value **scopes);

bool scope_holds(const struct value *scopes, struct slice scope);

/* What the scope policy grants now of `requested`, never more than that whatever the policy says.
 * ERROR_INVALID_SCOPE with the policy's reason when it denies. */
struct scope_question {
    const struct user *user; /* NULL: the client itself */
    const struct app *app;
    const struct value *requested;
    const struct value *previous; /* facts of the authorization; NULL: none */
    struct slice prompt;          /* absent: none */
    const char *grant_type;
};
enum error scope_grant(struct request *request, const struct scope_question *question, const struct value **granted);

#endif

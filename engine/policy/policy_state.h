/* What policy.c (loading) and decision.c (calls) share. */
#ifndef POLICY_POLICY_STATE_H
#define POLICY_POLICY_STATE_H

#include "policy/declared.h"
#include "policy/source.h"
#include "policy/vm.h"

struct policy {
    struct vm *vm;      /* another one after a renewal */
    struct arena arena; /* the data */
    const struct policy_source *source;
    struct policy_limits limits;
    int references[FUNCTION_COUNT]; /* in the registry; LUA_NOREF when it is not there */
    int lines[FUNCTION_COUNT];      /* where it is defined */
    struct value *data[DATA_COUNT];
    struct policy_outcome last;
    struct policy *shadow;        /* a candidate that is asked the same, or NULL; closed with this one */
    struct shadow_record *record; /* of a candidate */
    uint64_t kept_sum;            /* of what the files made, when they had */
    int64_t calls_to_look;        /* renew.h */
    int64_t renew_from_ms;
};

/* Enough for a list of thousands of names while loading; far less during a call, where one operation
 * on a string or table must be short. */
enum { LOAD_BLOCK_BYTES = 2 * 1024 * 1024, CALL_BLOCK_BYTES = 256 * 1024 };

#endif

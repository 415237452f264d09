/* The one place where the policies' shapes are declared: which files there are, which members each has, what data must
 * look like, what a decision may be (declared.c) and which facts there are (declared_facts.c). policies/README.md tells
 * the same to people; specs compare. */
#ifndef POLICY_DECLARED_H
#define POLICY_DECLARED_H

#include "policy/shape.h"

/* file, function, the result where it is left out (NULL: it must be there), first result, second (NULL: none). Without
 * apps.present it is the app as it is. */
#define POLICY_FUNCTIONS(X) \
    X(scopes, describe, NULL, &words_or_nil, NULL) \
    X(scopes, may_register, NULL, &yes_or_no, &words_or_nil) \
    X(scopes, grant, NULL, &grant, NULL) \
    X(scopes, permits, NULL, &yes_or_no, NULL) \
    X(scopes, privileged, &no, &yes_or_no, NULL) \
    X(consent, decide, NULL, &consent_choice, &words_or_nil) \
    X(consent, page, NULL, &consent_page, NULL) \
    X(apps, may_create, NULL, &yes_or_no, &words_or_nil) \
    X(apps, may_edit, &yes, &yes_or_no, &words_or_nil) \
    X(apps, redirect_uri, NULL, &yes_or_no, &words_or_nil) \
    X(apps, listing, &listing_usual, &listing, NULL) \
    X(apps, present, &nothing, &any_map, NULL) \
    X(apps, may_register, &no, &yes_or_no, &words_or_nil) \
    X(claims, userinfo, NULL, &claims, NULL) \
    X(claims, id_token, &nothing, &any_map, NULL) \
    X(tokens, lifetimes, NULL, &lifetimes, NULL) \
    X(tokens, format, &opaque, &token_format, NULL) \
    X(tokens, resource, &yes, &yes_or_no, &words_or_nil) \
    X(tokens, exchange, &no, &yes_or_no, &words_or_nil) \
    X(login, allow, NULL, &yes_or_no, &words_or_nil) \
    X(login, second_factor, &no, &yes_or_no, NULL) \
    X(login, count_fell, &no, &yes_or_no, NULL) \
    X(quotas, limits, &nothing, &quotas, NULL)

/* file, member, shape */
#define POLICY_DATA(X) \
    X(scopes, catalog, &catalog) \
    X(scopes, default, &default_scopes) \
    X(login, methods, &login_methods) \
    X(login, limits, &login_limits) \
    X(login, user_verification, &user_verification)

enum policy_function {
#define X(file, name, without, first, second) FUNCTION_##file##_##name,
    POLICY_FUNCTIONS(X)
#undef X
        FUNCTION_COUNT
};

enum policy_data {
#define X(file, name, shape) DATA_##file##_##name,
    POLICY_DATA(X)
#undef X
        DATA_settings, /* the whole of settings.lua */
    DATA_COUNT
};

struct declared_function {
    const char *file, *name;
    const struct value *without; /* NULL: it must be there */
    const struct shape *results[2];
};

struct declared_data {
    const char *file, *name; /* no name: the whole file */
    const struct shape *shape;
};

extern const struct declared_function declared_functions[FUNCTION_COUNT];
extern const struct declared_data declared_data[DATA_COUNT];

/* A fact: what it is called, in which functions it is there (their names, separated by spaces; NULL: in all that get
 * facts), what it is, and a decision that uses it: Lua that is true where one might refuse. */
struct declared_fact {
    const char *name, *functions, *about, *example;
};
extern const struct declared_fact declared_facts[]; /* the last one has no name */

/* Whether a function ("login.allow") is told the fact of that path ("user.roles"). */
enum fact_status {
    FACT_UNKNOWN,   /* no function is: it is misspelt */
    FACT_ELSEWHERE, /* others are */
    FACT_PARTS,     /* of it there are declared parts: "user" */
    FACT_WHOLE,     /* it, or something inside of it that is not declared one by one: "claims.userinfo" */
};
/* `function` NULL: any. */
enum fact_status fact_status(const char *function, struct slice path);
/* What there is in the table of that path ("user"; "": all facts), for a message: "user_id, username, roles". */
struct slice facts_known(struct arena *arena, const char *function, struct slice path);
/* Which of the function's arguments is facts, from 1; 0: none. */
int facts_argument(const char *function);

/* The files, in the order of their names; the last is NULL. settings.lua and quotas.lua may be absent. */
extern const char *const declared_files[];

#endif

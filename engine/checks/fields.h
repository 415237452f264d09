/* The fields of a JSON body, declared as data: one table is what validates them, what the 422 answer
 * names and what the documentation shows. */
#ifndef CHECKS_FIELDS_H
#define CHECKS_FIELDS_H

#include "server/response.h"

enum field_kind { FIELD_TEXT, FIELD_URL, FIELD_BOOL, FIELD_INT, FIELD_TEXTS };

struct field {
    const char *name;
    enum field_kind kind;
    bool required, nullable;
    int64_t min, max; /* characters of a text, value of an int, items of a list */
};

/* Checks every declared field that is there (and that the required ones are), noting each that fails
 * (request_invalid); unknown ones are ignored (contract §4). False when the body is no object at
 * all: then nothing of it can be read. Ends with name == NULL. */
bool fields_check(struct request *request, const struct field *fields);

/* After fields_check without a failure: the field, or absent, or the default. */
struct slice field_text(const struct request *request, const char *name);
bool field_bool(const struct request *request, const char *name, bool otherwise);
int64_t field_int(const struct request *request, const char *name, int64_t otherwise);
/* NULL when it is not there. */
const struct value *field_list(const struct request *request, const char *name);

#endif

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

/* Was that field, or that item of it (index; -1: the field as a whole), noted as failing already? Whoever
 * checks more of a field asks first, so that it is named once. */
bool field_failed(const struct request *request, const char *name, int index);

/* After fields_check, also when some failed: the field if it has that kind, or absent, or the default. */
struct slice field_text(const struct request *request, const char *name);
bool field_bool(const struct request *request, const char *name, bool otherwise);
int64_t field_int(const struct request *request, const char *name, int64_t otherwise);
/* NULL when it is not there. */
const struct value *field_list(const struct request *request, const char *name);

#endif

/* The fields of a JSON body or a query, declared as data: one table is what validates them, what the 422 answer names
 * and what /openapi.json shows. */
#ifndef CHECKS_FIELDS_H
#define CHECKS_FIELDS_H

#include "server/response.h"

enum field_kind { FIELD_TEXT, FIELD_URL, FIELD_BOOL, FIELD_INT, FIELD_TEXTS, FIELD_OBJECT };

enum field_flags {
    FIELD_REQUIRED = 1,
    FIELD_NULLABLE = 2,    /* null says something; to others it is as good as left out */
    FIELD_CHANGE_ONLY = 4, /* not part of a new thing */
    FIELD_LINES = 8,       /* a text that may have several lines; none has other control characters */
    FIELD_CAPPED = 16,     /* an int of a query that is too large is the largest */
};

struct field {
    const char *name;
    enum field_kind kind;
    unsigned flags;
    int64_t min, max; /* characters of a text, value of an int, items of a list */
    const char *text; /* for the documentation */
};

enum fields_of { FIELDS_OF_NEW, FIELDS_OF_CHANGE /* only those that are there */ };

/* Checks the declared fields of the JSON body, from which those go that are null for nothing, noting each that fails
 * (request_invalid); unknown ones are ignored (contract §4). False when the body is no object at all: then nothing of
 * it can be read. The table ends with name == NULL. */
bool fields_check(struct request *request, const struct field *fields, enum fields_of what);

/* The declared fields of the query as a map of typed values, without those that fail (which are noted). */
struct value *fields_query(struct request *request, const struct field *fields);

/* Notes the required fields of the request's route that its query or form lacks; the other rules of a protocol's
 * parameters are the endpoint's. */
void fields_required(struct request *request);

/* Was that field, or that item of it (index; -1: the field as a whole), noted as failing already? Whoever
 * checks more of a field asks first, so that it is named once. */
bool field_failed(const struct request *request, const char *name, int index);

/* The field of a map if it has that kind, or absent, or the default. */
struct slice field_text(const struct value *map, const char *name);
bool field_bool(const struct value *map, const char *name, bool otherwise);
int64_t field_int(const struct value *map, const char *name, int64_t otherwise);
/* NULL when it is not there. */
const struct value *field_list(const struct value *map, const char *name);

#endif

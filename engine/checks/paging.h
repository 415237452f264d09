/* Pages of lists (contract §4): {"total", "page", "limit", "items"}. */
#ifndef CHECKS_PAGING_H
#define CHECKS_PAGING_H

#include "checks/fields.h"

enum { PAGE_LIMIT_DEFAULT = 25, PAGE_LIMIT_MAX = 100 };

/* For a table of query fields. */
#define PAGING_FIELDS \
    {"page", FIELD_INT, 0, 0, INT32_MAX, "Of the list, from 0."}, { \
        "limit", FIELD_INT, FIELD_CAPPED, 1, PAGE_LIMIT_MAX, \
            "Items on a page; 25 when left out, 100 at most: the answer says how many." \
    }

struct paging {
    int64_t page, limit, total;
};

struct paging paging_of(const struct value *query);
struct response paging_answer(struct request *request, const struct paging *paging, struct value *items);

#endif

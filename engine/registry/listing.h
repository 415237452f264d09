/* Pages of apps: the listing policy's decision as toggles and parameters of prepared statements (sql/README.md says
 * why a page of a million apps is quick). */
#ifndef REGISTRY_LISTING_H
#define REGISTRY_LISTING_H

#include "policy/policy.h"
#include "server/response.h"
#include "store/record.h"

enum { LISTING_SEARCH_MAX = 100, LISTING_FOUND_MAX = 1000 };

struct listing {
    struct listing_decision decision;
    struct slice user_id;     /* whose `own` and `shared` are meant */
    struct slice search;      /* absent: all */
    int64_t page, page_limit; /* from 0; 1 to 100 */

    struct rows *apps; /* app_listed_from() reads them */
    int64_t total;     /* of a search at most LISTING_FOUND_MAX: it considers the newest matches */
};

/* A query of app_search (SQLite's FTS5) for the text, every character standing for itself, in these columns; absent
 * when it is too short for the index of trigrams. */
struct slice app_search_phrase(struct arena *arena, const char *columns, struct slice text);

enum error listing_run(struct request *request, struct listing *listing);

#endif

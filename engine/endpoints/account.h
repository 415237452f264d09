/* What the pages under /account share. */
#ifndef ENDPOINTS_ACCOUNT_H
#define ENDPOINTS_ACCOUNT_H

#include "checks/page_session.h"
#include "store/record.h"

enum { ACCOUNT_PAGE_ITEMS = 25 };

/* A context with title, user, csrf_token and the way around (templates/account_nav.html); `here`: the path of the page
 * among those. */
struct value *account_context(struct request *request, const struct session *session, const char *title,
                              const char *here);

/* Signed in within the last ten minutes: a browser that was left open adds no key to the account. */
bool account_is_fresh(const struct session *session);

/* "2026-11-27 19:52 UTC" */
struct slice account_time(struct arena *arena, int64_t unix_s);
/* The same for the members of that name of a list's items, which are RFC 3339. */
void account_read_times(struct arena *arena, struct value *list, const char *name);

/* The number of the page that is asked for by `page`, from 0. */
int64_t account_page_number(struct request *request);
/* Adds `previous_url` and `next_url` where there are such pages of a list of `total`. `base` ends with "?" or "&". */
struct account_part {
    struct slice base;
    int64_t page, limit, total;
};
void account_add_pages(struct request *request, struct value *context, const struct account_part *part);

/* An app's new secret, once. */
struct response account_app_secret_page(struct request *request, const struct session *session, const struct app *app,
                                        struct slice client_secret);

/* Back to an own page after its form did what it says (303). */
struct response account_redirect(struct request *request, const char *path);

#endif

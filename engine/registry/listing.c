#include "registry/listing.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "registry/apps.h"

enum {
    TRIGRAM = 3,            /* characters that the index of a search needs */
    LOOKED_THROUGH = 5000,  /* newest apps that a shorter search looks through */
    OFFSET_MAX = 100000000, /* keeps offset + limit far from overflow */
};

static const enum statement by_order[] = {
    [LISTING_NEWEST] = STATEMENT_app_listing_newest,
    [LISTING_NAME] = STATEMENT_app_listing_name,
    [LISTING_POPULAR] = STATEMENT_app_listing_popular,
};

static const char *const order_names[] = {"newest", "name", "popular"};

struct slice app_search_phrase(struct arena *arena, const char *columns, struct slice text) {
    if (utf8_count(text) < TRIGRAM)
        return SLICE_NONE;
    struct buffer query = buffer_in(arena);
    buffer_printf(&query, "{%s} : \"", columns);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            buffer_add_byte(&query, '"');
        buffer_add_byte(&query, text.at[i]);
    }
    buffer_add_byte(&query, '"');
    return buffer_slice(&query);
}

static const char *searched_columns(struct arena *arena, const struct listing_decision *decision) {
    return arena_string(arena, arena_printf(arena, "%s%s%s", decision->in_name ? " name" : "",
                                            decision->in_description ? " description" : "",
                                            decision->in_homepage_url ? " homepage_url" : ""));
}

static enum error search_run(struct request *request, struct listing *listing, int64_t offset);

static enum error search_total(struct request *request, struct listing *listing) {
    struct listing first = *listing;
    first.page_limit = 1;
    enum error error = search_run(request, &first, 0);
    listing->total = first.total;
    return error;
}

static enum error search_run(struct request *request, struct listing *listing, int64_t offset) {
    const struct listing_decision *decision = &listing->decision;
    struct slice text = utf8_lower(request->arena, listing->search);
    struct batch batch = batch_in(request->arena);
    listing->apps =
        batch_add(&batch, STATEMENT_app_search, db_text(listing->user_id), db_bool(decision->listed),
                  db_bool(decision->unlisted), db_bool(decision->own), db_bool(decision->shared), db_text(text),
                  db_text(app_search_phrase(request->arena, searched_columns(request->arena, decision), text)),
                  db_text(slice_of(order_names[decision->order])), db_int(LISTING_FOUND_MAX), db_int(LOOKED_THROUGH),
                  db_bool(decision->in_name), db_bool(decision->in_description), db_bool(decision->in_homepage_url),
                  db_int(listing->page_limit), db_int(offset), db_int(app_number_at(decision->listed_before_s)));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (listing->apps->count)
        listing->total = row_int(listing->apps, 0, "total");
    else if (offset) /* behind the last page: how many there are is known from the first */
        return search_total(request, listing);
    return ERROR_NONE;
}

static enum error page_run(struct request *request, struct listing *listing, int64_t offset) {
    const struct listing_decision *decision = &listing->decision;
    struct db_value user = db_text(listing->user_id), listed = db_bool(decision->listed);
    struct db_value unlisted = db_bool(decision->unlisted), own = db_bool(decision->own);
    struct db_value shared = db_bool(decision->shared), before = db_int(app_number_at(decision->listed_before_s));
    struct batch batch = batch_in(request->arena);
    listing->apps =
        batch_add(&batch, by_order[decision->order], user, listed, unlisted, own, shared,
                  db_int(offset + listing->page_limit), db_int(listing->page_limit), db_int(offset), before);
    struct rows *total = batch_add(&batch, STATEMENT_app_listing_total, user, listed, unlisted, own, shared, before);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    listing->total = row_int(total, 0, "total");
    return ERROR_NONE;
}

enum error listing_run(struct request *request, struct listing *listing) {
    if (listing->page_limit > listing->decision.limit_max)
        listing->page_limit = listing->decision.limit_max;
    int64_t offset = listing->page > OFFSET_MAX ? OFFSET_MAX : listing->page * listing->page_limit;
    return listing->search.len ? search_run(request, listing, offset) : page_run(request, listing, offset);
}

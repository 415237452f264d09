#include "checks/paging.h"

struct paging paging_of(const struct value *query) {
    return (struct paging){
        .page = field_int(query, "page", 0),
        .limit = field_int(query, "limit", PAGE_LIMIT_DEFAULT),
    };
}

struct response paging_answer(struct request *request, const struct paging *paging, struct value *items) {
    struct value *answer = value_map(request->arena);
    value_set_int(request->arena, answer, "total", paging->total);
    value_set_int(request->arena, answer, "page", paging->page);
    value_set_int(request->arena, answer, "limit", paging->limit);
    value_set_value(answer, "items", items);
    return response_value(request, answer);
}

#include "checks/spend.h"

enum error spend(struct request *request, struct slice id, int64_t expires_at_s, bool *is_first) {
    struct batch batch = batch_in(request->arena);
    struct rows *first =
        batch_add(&batch, STATEMENT_spend, db_text(id), db_text(request_works_by_id(request)), db_int(expires_at_s));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *is_first = first->count == 1;
    return ERROR_NONE;
}

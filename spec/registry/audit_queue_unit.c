/* What the queue of records does while the store takes none: it is bounded, by records and by bytes, and says what is
 * lost. */
#include "../../engine/registry/audit_queue.c"

#include "../unit/unit.h"

static struct audit_record record_of(char *detail, size_t len) {
    memset(detail, 'x', len);
    return (struct audit_record){
        .audit_id = SLICE("id"), .kind = SLICE("refusal"), .detail = {detail, len}, .decisions = SLICE("[]")};
}

static int64_t lost_count(void) {
    return metric_get(METRIC_audit_lost);
}

static void records_are_bounded(void) {
    char detail[8];
    struct audit *audit = audit_open(NULL, 60);
    const struct audit_record record = record_of(detail, sizeof(detail));
    int64_t before = lost_count();
    for (int i = 0; i < WAITING_MAX; i++)
        audit_queue_add(audit, &record);
    CHECK(lost_count() == before);
    for (int i = 0; i < 5; i++)
        audit_queue_add(audit, &record);
    CHECK(lost_count() == before + 5);
    CHECK(audit->count == WAITING_MAX);
    audit_close(audit); /* what is left is lost, too */
    CHECK(lost_count() == before + 5 + WAITING_MAX);
}

static void bytes_are_bounded(void) {
    static char detail[64 * 1024];
    struct audit *audit = audit_open(NULL, 60);
    const struct audit_record record = record_of(detail, sizeof(detail));
    int64_t before = lost_count();
    for (int i = 0; i < 300; i++)
        audit_queue_add(audit, &record);
    CHECK(audit->bytes <= WAITING_BYTES_MAX && audit->bytes > WAITING_BYTES_MAX - 2 * sizeof(detail));
    CHECK(lost_count() == before + 300 - (int64_t)audit->count);
    const struct audit_record small = record_of(detail, 8);
    audit_queue_add(audit, &small); /* there is room for a small one */
    CHECK(slice_equal(audit->last->record.detail, small.detail));
    while (audit->first)
        free(take_first(audit));
    CHECK(audit->bytes == 0 && audit->count == 0 && audit_is_empty(audit));
    audit_close(audit);
}

static void a_record_is_copied_whole(void) {
    char detail[4];
    struct audit *audit = audit_open(NULL, 60);
    const struct audit_record record = record_of(detail, sizeof(detail));
    audit_queue_add(audit, &record);
    memset(detail, 'y', sizeof(detail));
    const struct audit_record *kept = &audit->first->record;
    CHECK(slice_is(kept->audit_id, "id") && slice_is(kept->kind, "refusal") && slice_is(kept->detail, "xxxx"));
    CHECK(!slice_is_set(kept->user_id) && slice_is(kept->decisions, "[]"));
    audit_close(audit);
}

int main(void) {
    log_level_set((enum log_level)(LOG_ERROR + 1));
    RUN(records_are_bounded);
    RUN(bytes_are_bounded);
    RUN(a_record_is_copied_whole);
    return unit_end();
}

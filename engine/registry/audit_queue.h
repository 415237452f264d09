/* Records of the audit log, and those that are written behind the answer: of refusals, which change nothing and have no
 * batch. A worker's queue of them is tried again until it is written, as long as the worker lasts. */
#ifndef REGISTRY_AUDIT_QUEUE_H
#define REGISTRY_AUDIT_QUEUE_H

#include "store/store.h"

/* A row of `audit`, but for the end of its life. Absent is NULL. */
struct audit_record {
    int64_t at_ms;
    struct slice audit_id, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions;
};

/* Adds what writes it, once however often the batch is run. */
void audit_record_add(struct batch *batch, const struct audit_record *record, int64_t keep_s);
/* The values of the columns, as all statements audit_insert… begin. */
enum { AUDIT_COLUMNS = 12 };
void audit_record_values(const struct audit_record *record, int64_t keep_s, struct db_value values[AUDIT_COLUMNS]);

/* A worker's records that are not written yet: at most 10,000, and 16 MiB. */
struct audit;
struct audit *audit_open(struct db *db, int64_t keep_s);
/* What is left is lost, and counted. */
void audit_close(struct audit *audit);
/* Copies it. Where there is no room the new one is lost: the first tell how it began. Lost records are counted
 * (moonlatch_audit_lost_total), and a line a second says how many. */
void audit_queue_add(struct audit *audit, const struct audit_record *record);
/* Starts to write what waits, unless that is under way or its time has not come. Loop stack. */
void audit_flush(struct audit *audit);
/* Nothing waits. */
bool audit_is_empty(const struct audit *audit);

#endif

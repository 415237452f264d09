/* Counters and gauges, in Prometheus text (exposition format 0.0.4). One table; adding a line adds
 * a metric. Safe from any thread. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buffer.h"

/* id, name, type, help */
#define METRICS(X) \
    X(requests, "moonlatch_requests_total", "counter", "Requests that reached a route") \
    X(answers_2xx, "moonlatch_answers_2xx_total", "counter", "Answers with a 2xx status") \
    X(answers_3xx, "moonlatch_answers_3xx_total", "counter", "Answers with a 3xx status") \
    X(answers_4xx, "moonlatch_answers_4xx_total", "counter", "Answers with a 4xx status") \
    X(answers_5xx, "moonlatch_answers_5xx_total", "counter", "Answers with a 5xx status") \
    X(dropped_answers, "moonlatch_dropped_answers_total", "counter", "Answers whose peer had left") \
    X(connections, "moonlatch_connections", "gauge", "Open client connections") \
    X(refused_connections, "moonlatch_refused_connections_total", "counter", "Connections over a limit") \
    X(cut_connections, "moonlatch_cut_connections_total", "counter", "Connections closed for abuse") \
    X(fibers, "moonlatch_fibers", "gauge", "Fibers that are running or waiting") \
    X(fiber_stacks, "moonlatch_fiber_stacks", "gauge", "Fiber stacks mapped, idle ones included") \
    X(fiber_stack_peak, "moonlatch_fiber_stack_peak_bytes", "gauge", "Most stack that a fiber has touched") \
    X(fiber_refused, "moonlatch_fiber_refused_total", "counter", "Requests refused: too many fibers") \
    X(fiber_stale, "moonlatch_fiber_stale_resumes_total", "counter", "Resumes for a wait that had ended") \
    X(db_batches, "moonlatch_db_batches_total", "counter", "Batches run") \
    X(db_commits, "moonlatch_db_commits_total", "counter", "Commits (one may hold many batches)") \
    X(untold, "moonlatch_untold", "gauge", "What was told to nobody and is not stored as such yet") \
    X(db_disconnects, "moonlatch_db_disconnects_total", "counter", "Connections to the database that broke") \
    X(db_failures, "moonlatch_db_failures_total", "counter", "Batches that failed") \
    X(db_queue, "moonlatch_db_queue", "gauge", "Batches that wait for the writer") \
    X(cache_hits, "moonlatch_cache_hits_total", "counter", "Reads answered from memory") \
    X(cache_misses, "moonlatch_cache_misses_total", "counter", "Reads that asked the store") \
    X(cache_bytes, "moonlatch_cache_bytes", "gauge", "Bytes held by the cache") \
    X(clock_skew, "moonlatch_clock_skew_seconds", "gauge", "How far this clock is ahead of the database's") \
    X(policy_calls, "moonlatch_policy_calls_total", "counter", "Policy decisions") \
    X(policy_failures, "moonlatch_policy_failures_total", "counter", "Policy calls that failed and so denied") \
    X(policy_renewals, "moonlatch_policy_renewals_total", "counter", "Policy states replaced: they kept something") \
    X(reloads, "moonlatch_reloads_total", "counter", "Reloads of policies and pages that worked") \
    X(reload_failures, "moonlatch_reload_failures_total", "counter", "Reloads that failed and changed nothing") \
    X(audit_records, "moonlatch_audit_records_total", "counter", "Records written to the audit log") \
    X(audit_lost, "moonlatch_audit_lost_total", "counter", "Records that could not be written") \
    X(shadow_decisions, "moonlatch_shadow_decisions_total", "counter", "Decisions that a shadow policy also made") \
    X(shadow_differences, "moonlatch_shadow_differences_total", "counter", "Shadow decisions that differ") \
    X(shadow_failures, "moonlatch_shadow_failures_total", "counter", "Shadow decisions that failed or took too long") \
    X(sign_ins, "moonlatch_sign_ins_total", "counter", "Successful sign-ins") \
    X(sign_in_failures, "moonlatch_sign_in_failures_total", "counter", "Refused sign-ins") \
    X(offload_queue, "moonlatch_offload_queue", "gauge", "Slow work that waits for a thread") \
    X(offload_jobs, "moonlatch_offload_jobs_total", "counter", "Slow work done beside the loops") \
    X(offload_refused, "moonlatch_offload_refused_total", "counter", "Slow work refused: too much waited") \
    X(logout_deliveries, "moonlatch_logout_deliveries_total", "counter", "Ended sessions that an app is to hear of") \
    X(logout_delivered, "moonlatch_logout_delivered_total", "counter", "Logout tokens that the app took") \
    X(logout_failed, "moonlatch_logout_failed_total", "counter", "Attempts to tell an app that failed") \
    X(logout_dropped, "moonlatch_logout_dropped_total", "counter", "Logout tokens refused, or given up after a day") \
    X(sign_ins_limited, "moonlatch_sign_ins_limited_total", "counter", "Sign-ins refused unseen: too many had failed") \
    X(tokens_issued, "moonlatch_tokens_issued_total", "counter", "Access tokens issued") \
    X(refusals, "moonlatch_refusals_total", "counter", "Refusals of people, clients and callers") \
    X(refusals_untold, "moonlatch_refusals_untold_total", "counter", "Refusals that the audit log leaves out") \
    X(device_codes_limited, "moonlatch_device_codes_limited_total", "counter", "Devices refused: too many asked") \
    X(registrations_limited, "moonlatch_registrations_limited_total", "counter", "Registrations refused: too many") \
    X(proofs_limited, "moonlatch_proofs_limited_total", "counter", "DPoP proofs and assertions: too many") \
    X(last_reload, "moonlatch_last_reload_seconds", "gauge", "Unix time of the last reload, or of the start") \
    X(families_revoked, "moonlatch_families_revoked_total", "counter", "Token families revoked for reuse")

/* What is no number: a gauge 1 with the text as its label. id, name, label, help */
#define INFOS(X) \
    X(policy, "moonlatch_policy_info", "version", "Version of the policies that decide") \
    X(shadow, "moonlatch_shadow_policy_info", "version", "Version of the shadow policies, while there are any") \
    X(shadow_stopped, "moonlatch_shadow_stopped_info", "message", "Why the shadow policies are no longer asked") \
    X(reload_error, "moonlatch_reload_error_info", "message", "Why the last reload failed; not there when it did not")

enum info {
#define X(id, name, label, help) INFO_##id,
    INFOS(X)
#undef X
        INFO_COUNT
};
/* Absent: it is left out. Cut after 1,000 bytes. */
void metric_info_set(enum info info, struct slice text);
/* A copy; absent when it is left out. */
struct slice metric_info_get(struct arena *arena, enum info info);

enum metric {
#define X(id, name, type, help) METRIC_##id,
    METRICS(X)
#undef X
        METRIC_COUNT
};

void metric_add(enum metric metric, int64_t by);
/* Raises a gauge to `at_least`. */
void metric_raise(enum metric metric, int64_t at_least);
int64_t metric_get(enum metric metric);
/* Sets a gauge that one thread keeps. */
void metric_set(enum metric metric, int64_t to);
void metrics_write(struct buffer *buffer);

#endif

#include "checks/attempts.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>

enum { SETS = 4096, WAYS = 4, PREFIX6_SIZE = 8 };

/* Of an address or account; all zero: free. */
struct count {
    uint64_t key;
    int64_t until_s; /* its window ends */
    int64_t failed;
};

static struct {
    pthread_mutex_t mutex;
    bool has_seed;
    unsigned char seed[crypto_shorthash_KEYBYTES]; /* nobody can choose addresses that share a set */
    struct count counts[SETS][WAYS];
} table = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* With the mutex. */
static uint64_t key_of(char kind, const void *bytes, size_t len) {
    unsigned char input[256] = {(unsigned char)kind};
    uint64_t key;
    if (!table.has_seed) {
        randombytes_buf(table.seed, sizeof(table.seed));
        table.has_seed = true;
    }
    len = len < sizeof(input) - 1 ? len : sizeof(input) - 1;
    memcpy(input + 1, bytes, len);
    crypto_shorthash((unsigned char *)&key, input, len + 1, table.seed);
    return key ? key : 1;
}

static uint64_t address_key(struct request *request) {
    unsigned char bytes[16];
    const char *text = arena_string(request->arena, request->address);
    if (text && inet_pton(AF_INET6, text, bytes) == 1)
        return key_of('6', bytes, PREFIX6_SIZE);
    return key_of('4', request->address.at, request->address.len);
}

/* With the mutex: its count, whose window may be over; or the one of its set that is over first, made free. */
static struct count *count_of(uint64_t key) {
    struct count *set = table.counts[key % SETS], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].until_s < oldest->until_s)
            oldest = &set[i];
    }
    *oldest = (struct count){.key = key};
    return oldest;
}

/* With the mutex: how many seconds are left of a limit that is reached, else 0. */
static int64_t left_s(uint64_t key, const struct login_limit *limit, int64_t now_s) {
    const struct count *count = count_of(key);
    bool is_reached = limit->attempts && count->until_s > now_s && count->failed >= limit->attempts;
    return is_reached ? count->until_s - now_s : 0;
}

static void add(uint64_t key, const struct login_limit *limit, int64_t now_s) {
    struct count *count = count_of(key);
    if (count->until_s <= now_s)
        *count = (struct count){key, now_s + limit->seconds, 0};
    count->failed++;
}

enum error attempts_check(struct request *request, struct slice account) {
    struct login_limits limits = policy_login_limits(request->service->policy);
    int64_t now_s = clock_now_s();
    pthread_mutex_lock(&table.mutex);
    int64_t wait_s = left_s(address_key(request), &limits.address, now_s);
    if (!wait_s && slice_is_set(account))
        wait_s = left_s(key_of('u', account.at, account.len), &limits.account, now_s);
    pthread_mutex_unlock(&table.mutex);
    if (!wait_s)
        return ERROR_NONE;
    metric_add(METRIC_sign_ins_limited, 1);
    request->retry_after_s = wait_s;
    int64_t minutes = (wait_s + 59) / 60;
    return fail(request, ERROR_TOO_MANY_REQUESTS, "%.*s %lld %.*s.",
                SLICE_ARG(response_phrase(request, "Too many attempts have failed. Try again in")), (long long)minutes,
                SLICE_ARG(response_phrase(request, minutes == 1 ? "minute" : "minutes")));
}

void attempts_count(struct request *request, struct slice account) {
    struct login_limits limits = policy_login_limits(request->service->policy);
    int64_t now_s = clock_now_s();
    pthread_mutex_lock(&table.mutex);
    add(address_key(request), &limits.address, now_s);
    if (slice_is_set(account))
        add(key_of('u', account.at, account.len), &limits.account, now_s);
    pthread_mutex_unlock(&table.mutex);
}

#include "base/budget.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>

static struct {
    pthread_mutex_t mutex;
    bool has_seed;
    unsigned char seed[crypto_shorthash_KEYBYTES];
    struct budget_count counts[BUDGET_SETS][BUDGET_WAYS]; /* all zero: free */
} table = {.mutex = PTHREAD_MUTEX_INITIALIZER};

uint64_t budget_key(char kind, struct slice who) {
    unsigned char input[256] = {(unsigned char)kind};
    uint64_t key;
    size_t len = who.len < sizeof(input) - 1 ? who.len : sizeof(input) - 1;
    if (len)
        memcpy(input + 1, who.at, len);
    pthread_mutex_lock(&table.mutex);
    if (!table.has_seed)
        randombytes_buf(table.seed, sizeof(table.seed));
    table.has_seed = true;
    pthread_mutex_unlock(&table.mutex);
    crypto_shorthash((unsigned char *)&key, input, len + 1, table.seed);
    return key ? key : 1;
}

uint64_t budget_key_network(char kind, struct slice address, size_t prefix6) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN] = "";
    if (address.len < sizeof(text) && address.len)
        memcpy(text, address.at, address.len);
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return budget_key(kind, address);
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0 && inet_ntop(AF_INET, bytes + sizeof(mapped), text, sizeof(text)))
        return budget_key(kind, slice_of(text));
    return budget_key(kind, (struct slice){(const char *)bytes, prefix6 / 8});
}

/* A window of the future is one that a clock which was set back has left. */
static bool is_live(const struct budget_count *count, int64_t now_s, int64_t seconds) {
    return count->until_s > now_s && count->until_s - now_s <= seconds;
}

static bool has_used_less(const struct budget_count *one, const struct budget_count *other) {
    return one->used * other->most < other->used * one->most;
}

/* With the mutex: its count, which may be of a window that is over; else the place of its set that is worth least,
 * free.
 */
static struct budget_count *count_of(uint64_t key, int64_t now_s) {
    struct budget_count *set = table.counts[key % BUDGET_SETS], *least = set;
    for (size_t i = 0; i < BUDGET_WAYS; i++) {
        bool is_over = set[i].until_s <= now_s, least_is_over = least->until_s <= now_s;
        if (set[i].key == key)
            return &set[i];
        if (is_over ? !least_is_over : !least_is_over && has_used_less(&set[i], least))
            least = &set[i];
    }
    *least = (struct budget_count){.key = key};
    return least;
}

/* With the mutex. */
static int64_t take(const struct budget *budget, struct budget_count *count, int64_t now_s, struct budget_use *use) {
    if (!is_live(count, now_s, budget->seconds))
        *count = (struct budget_count){.key = count->key, .until_s = now_s + budget->seconds};
    count->most = budget->most;
    if (count->used - count->held >= budget->most)
        return count->until_s - now_s;
    if (count->used >= budget->most)
        return 1;
    count->used++;
    count->held += use != NULL;
    if (use)
        *use = (struct budget_use){count->key, count->until_s};
    return 0;
}

int64_t budget_take(const struct budget *budget, uint64_t key, int64_t now_s, struct budget_use *use) {
    if (use)
        *use = (struct budget_use){0};
    if (!budget->most)
        return 0;
    pthread_mutex_lock(&table.mutex);
    int64_t wait_s = take(budget, count_of(key, now_s), now_s, use);
    pthread_mutex_unlock(&table.mutex);
    return wait_s;
}

int64_t budget_take_total(const struct budget *budget, struct budget_count *total, int64_t now_s) {
    pthread_mutex_lock(&table.mutex);
    int64_t wait_s = budget->most ? take(budget, total, now_s, NULL) : 0;
    pthread_mutex_unlock(&table.mutex);
    return wait_s;
}

void budget_settle(const struct budget_use *use, bool is_given_back) {
    if (!use->key)
        return;
    pthread_mutex_lock(&table.mutex);
    struct budget_count *set = table.counts[use->key % BUDGET_SETS];
    for (size_t i = 0; i < BUDGET_WAYS; i++) {
        if (set[i].key != use->key || set[i].until_s != use->until_s || !set[i].held)
            continue;
        set[i].held--;
        set[i].used -= is_given_back;
    }
    pthread_mutex_unlock(&table.mutex);
}

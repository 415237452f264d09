/* Budgets: how much somebody may use within a window of time that begins with the first use. They are counted in the
 * memory of the process, each process for itself, so that a flood writes nothing.
 *
 * All counts are in one table of fixed size (2.5 MiB, touched as it is used). The hash that finds a count's set has a
 * key that nobody knows, so nobody chooses whose set he shares. A count that finds no free place in its set replaces
 * the one that has used the smallest part of its budget. So a crowd of addresses that use little replace one another,
 * and no count that is nearly spent: to replace one like that, every other place of its set must have used as much,
 * which takes BUDGET_SETS × 3 times that many uses, since nobody can aim at a set. Safe from any thread. */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include "base/slice.h"

#include <stdint.h>

enum { BUDGET_SETS = 16384, BUDGET_WAYS = 4 };

/* How much of one is used; all zero: nothing, and a free place of the table. */
struct budget_count {
    uint64_t key;
    int64_t until_s;    /* its window ends */
    int64_t used, held; /* held: of those used, what is not settled */
    int64_t most;
};

struct budget {
    int64_t most; /* 0: any number, and nothing is counted */
    int64_t seconds;
};

/* The key of the budget of that kind that `who` has. */
uint64_t budget_key(char kind, struct slice who);
/* The same of a network: an IPv4 address, or the first `prefix6` bits (a multiple of 8) of an IPv6 one. */
uint64_t budget_key_network(char kind, struct slice address, size_t prefix6);

/* What was taken and is not settled yet; all zero: nothing. */
struct budget_use {
    uint64_t key;
    int64_t until_s;
};

/* Takes one. 0, or how many seconds it takes until there may be one again: the rest of the window, or a second where
 * only what is under way stands against it. `use` is for budget_settle; NULL: it stays taken. */
int64_t budget_take(const struct budget *budget, uint64_t key, int64_t now_s, struct budget_use *use);
/* The same of a total that everybody shares: it has a place of its own, where no crowd washes it out. */
int64_t budget_take_total(const struct budget *budget, struct budget_count *total, int64_t now_s);
/* Settles a use, once: it stays taken, or is given back to the window that it was taken from. */
void budget_settle(const struct budget_use *use, bool is_given_back);

#endif

/* What the store keeps counted is counted again, and what refers to something that is gone is deleted: in the
 * background, some rows of each table a turn. Nothing of it is to be found unless a fault, or a release of before, has
 * left it; each find is logged as a warning (counts_mended, leftovers_deleted). */
#ifndef REGISTRY_UPKEEP_H
#define REGISTRY_UPKEEP_H

#include "store/store.h"

enum { UPKEEP_WALKS = 5, UPKEEP_KEY_MAX = 1400 }; /* a passkey's id has up to 1023 bytes, in base64url */

/* Zeroed at first. Where each walk goes on, when, and when app_counts is counted again. */
struct upkeep {
    char after[UPKEEP_WALKS][UPKEEP_KEY_MAX];
    int64_t next_ms, next_totals_ms;
};

/* A turn, on a fiber; nothing when the last was less than thirty seconds ago. Several servers may do it at once. */
void upkeep_turn(struct db *db, struct arena *arena, struct upkeep *upkeep, int64_t now_ms);

#endif

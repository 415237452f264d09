/* What the store needs of a thread's loop: to be woken by other threads, and to watch descriptors of its own.
 * The server makes one inbox per worker on h2o's loop; a unit test may make one on a pipe. */
#ifndef STORE_INBOX_H
#define STORE_INBOX_H

#include <h2o/linklist.h>

struct completion {
    h2o_linklist_t link;                        /* free for the inbox's use */
    void (*run)(struct completion *completion); /* on the loop's thread and stack */
};

struct watch; /* of a descriptor, by the loop */

struct inbox {
    void (*post)(struct inbox *inbox, struct completion *completion); /* from any thread */

    /* On the loop's own thread; NULL where the loop watches nothing for others. */

    /* Calls ready(data) whenever the descriptor can be read, until unwatch; the descriptor stays the caller's. */
    struct watch *(*watch)(struct inbox *inbox, int descriptor, void (*ready)(void *data), void *data);
    /* Calls it once when it can be written, too. */
    void (*watch_writing)(struct watch *watch);
    void (*unwatch)(struct watch *watch);
    /* Runs the completion before the loop waits again; one that is asked for already runs once. */
    void (*soon)(struct inbox *inbox, struct completion *completion);
};

#endif

/* How another thread wakes a fiber: it posts a completion, the fiber's own loop runs it.
 * The server makes one inbox per worker on h2o's multithread queue; a unit test may make one on a
 * pipe. */
#ifndef STORE_INBOX_H
#define STORE_INBOX_H

#include <h2o/linklist.h>

struct completion {
    h2o_linklist_t link;                        /* free for the inbox's use */
    void (*run)(struct completion *completion); /* on the loop's thread and stack */
};

struct inbox {
    void (*post)(struct inbox *inbox, struct completion *completion); /* from any thread */
};

#endif

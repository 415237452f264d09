/* The C unit tests' whole framework. A test file includes the source that it tests, writes
 * functions with CHECK in them, and lists them in main:
 *
 *   int main(void) { RUN(rejects_empty); RUN(accepts_all); return unit_end(); }
 *
 * One line a test on stdout ("ok name" or "not ok name: file:line: what"), the count last; `dev`
 * adds the counts up. */
#ifndef SPEC_UNIT_H
#define SPEC_UNIT_H

#include <stdbool.h>
#include <stdio.h>

static int unit_passed, unit_failed;
static bool unit_ok;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            unit_ok = false; \
        } \
    } while (0)

#define RUN(test) \
    do { \
        unit_ok = true; \
        test(); \
        printf("%s %s\n", unit_ok ? "ok" : "not ok", #test); \
        fflush(stdout); \
        *(unit_ok ? &unit_passed : &unit_failed) += 1; \
    } while (0)

static inline int unit_end(void) {
    printf("%d passed, %d failed\n", unit_passed, unit_failed);
    return unit_failed != 0;
}

#endif

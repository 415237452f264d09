/* Reads a directory's files whole, in the order of their names. */
#ifndef PAGE_PAGE_FILES_H
#define PAGE_PAGE_FILES_H

#include "base/arena.h"

enum {
    PAGE_FILES_MAX = 256, /* files in one directory */
    PAGE_FILE_SIZE_MAX = 1 << 20
};

struct page_file {
    struct slice name, path, bytes;
};

/* The regular files whose name ends in `suffix` and consists of A-Z a-z 0-9 _ - and dots, not
 * beginning with a dot. A directory that is not there is an error only if it is `required`. False
 * with *error "path: what". */
bool page_files_read(struct arena *arena, const char *directory, const char *suffix, bool required,
                     struct page_file **files, size_t *count, struct slice *error);

/* Those of shipped/below and own/below together; of two with one name the own stands. `own` has to be there unless
 * something is below; both may be the same. */
bool page_files_over(struct arena *arena, const char *shipped, const char *own, const char *below, const char *suffix,
                     struct page_file **files, size_t *count, struct slice *error);

#endif

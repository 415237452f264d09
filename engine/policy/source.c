#include "policy/source.h"

#include "base/buffer.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRELUDE "prelude"

/* What is under way while a set is read. */
struct reading {
    struct policy_source *source;
    struct buffer problems; /* in the caller's arena */
};

void problem_line_add(struct buffer *problems, struct slice problem) {
    struct slice rest = problems->len ? buffer_slice(problems) : SLICE_NONE;
    while (slice_is_set(rest))
        if (slice_equal(slice_cut(&rest, '\n'), problem))
            return;
    if (problems->len)
        buffer_add_byte(problems, '\n');
    buffer_add(problems, problem);
}

static void problem(struct reading *reading, const char *label, const char *message) {
    problem_line_add(&reading->problems, arena_printf(&reading->source->arena, "%s:1: %s", label, message));
}

const struct source_file *source_find(const struct policy_source *source, struct slice module) {
    for (const struct source_file *file = source->first; file; file = file->next)
        if (slice_is_set(file->module) && slice_equal(file->module, module))
            return file;
    return NULL;
}

const struct source_file *source_policy(const struct policy_source *source, const char *policy) {
    for (const struct source_file *file = source->first; file; file = file->next)
        if (slice_is_set(file->policy) && slice_is(file->policy, policy))
            return file;
    return NULL;
}

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

int source_line_of(const struct source_file *file, struct slice name) {
    struct slice rest = file->text;
    for (int line = 1; slice_is_set(rest); line++) {
        struct slice text = slice_trim(slice_cut(&rest, '\n'));
        if (text.len <= name.len || memcmp(text.at, name.at, name.len) != 0 || is_word(text.at[name.len]))
            continue;
        text = slice_trim(slice_from(text, name.len));
        if (text.len && text.at[0] == '=' && (text.len == 1 || text.at[1] != '='))
            return line;
    }
    return 1;
}

/* The last two parts of the path: short enough that Lua never cuts it, and the same wherever the
 * product is installed. */
static const char *label_of(struct arena *arena, const char *directory, const char *name) {
    char *real = realpath(directory, NULL);
    const char *path = real ? real : directory, *slash = strrchr(path, '/');
    const char *parent = slash && slash[1] ? slash + 1 : path;
    const char *label = arena_printf(arena, "%.24s/%.32s", parent, name).at;
    free(real);
    return label;
}

static bool text_read(struct reading *reading, const char *path, struct source_file *file) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    bool is_file = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    const char *why = fd < 0 ? strerror(errno) : is_file ? NULL : "is not a regular file";
    if (is_file && status.st_size > SOURCE_BYTES_MAX)
        why = "is larger than 256 KiB";
    if (!why) {
        size_t size = (size_t)status.st_size, len = 0;
        char *text = arena_alloc(&reading->source->arena, size + 1);
        ssize_t got = 0;
        while (len < size && (got = read(fd, text + len, size - len)) > 0)
            len += (size_t)got;
        text[len] = '\0';
        file->text = (struct slice){text, len};
        if (got < 0)
            why = strerror(errno);
    }
    if (fd >= 0)
        close(fd);
    if (why)
        problem(reading, file->label, why);
    return !why;
}

static void file_add(struct policy_source *source, struct source_file *file) {
    if (source->last)
        source->last->next = file;
    else
        source->first = file;
    source->last = file;
    source->count++;
}

/* `name` is "scopes.lua"; family "policies" or "moonlatch". */
static void file_read(struct reading *reading, const char *directory, const char *name, const char *family) {
    struct arena *arena = &reading->source->arena;
    struct source_file *file = arena_zalloc(arena, sizeof(*file));
    struct slice stem = arena_copy(arena, (struct slice){name, strlen(name) - 4});
    bool is_policy = strcmp(family, "policies") == 0;
    file->label = label_of(arena, directory, name);
    file->chunk = arena_printf(arena, "@%s", file->label).at;
    if (is_policy)
        file->policy = stem;
    if (is_policy || !slice_is(stem, PRELUDE))
        file->module = arena_printf(arena, "%s.%.*s", family, SLICE_ARG(stem));
    else
        file->chunk = "@moonlatch/" PRELUDE ".lua";
    if (text_read(reading, arena_printf(arena, "%s/%s", directory, name).at, file))
        file_add(reading->source, file);
}

static bool ends_in(const char *name, const char *end) {
    size_t len = strlen(name), end_len = strlen(end);
    return len > end_len && strcmp(name + len - end_len, end) == 0 && name[0] != '.';
}

static int is_spec(const struct dirent *entry) {
    return ends_in(entry->d_name, "_spec.lua");
}

static int is_lua(const struct dirent *entry) {
    return ends_in(entry->d_name, ".lua") && !is_spec(entry);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void directory_read(struct reading *reading, const char *directory, const char *family, const char *except) {
    struct dirent **entries;
    int count = scandir(directory, &entries, is_lua, by_name);
    if (count < 0) {
        problem(reading, directory, arena_printf(&reading->source->arena, "cannot be read: %s", strerror(errno)).at);
        return;
    }
    for (int i = 0; i < count; i++) {
        if (!except || strcmp(entries[i]->d_name, except) != 0) {
            if (reading->source->count < SOURCE_FILES_MAX)
                file_read(reading, directory, entries[i]->d_name, family);
            else
                problem(reading, directory, "holds too many files");
        }
        free(entries[i]);
    }
    free(entries);
}

/* The file that stands in for settings.lua may have any name. */
static void config_read(struct reading *reading, const char *config) {
    struct arena *arena = &reading->source->arena;
    const char *slash = strrchr(config, '/');
    const char *directory =
        slash ? arena_string(arena, (struct slice){config, slash == config ? 1 : (size_t)(slash - config)}) : ".";
    struct source_file *file = arena_zalloc(arena, sizeof(*file));
    file->label = label_of(arena, directory, slash ? slash + 1 : config);
    file->chunk = arena_printf(arena, "@%s", file->label).at;
    file->module = SLICE("policies.settings");
    file->policy = SLICE("settings");
    if (text_read(reading, config, file))
        file_add(reading->source, file);
}

static void specs_read(struct reading *reading, const char *directory) {
    struct policy_source *source = reading->source;
    struct dirent **entries;
    int count = scandir(directory, &entries, is_spec, by_name);
    struct source_file **next = &source->specs;
    for (int i = 0; i < count; i++) {
        struct source_file *file = arena_zalloc(&source->arena, sizeof(*file));
        file->label = label_of(&source->arena, directory, entries[i]->d_name);
        file->chunk = arena_printf(&source->arena, "@%s", file->label).at;
        if (text_read(reading, arena_printf(&source->arena, "%s/%s", directory, entries[i]->d_name).at, file)) {
            *next = file;
            next = &file->next;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

struct policy_source *policy_source_read(struct arena *arena, const char *directory, const char *library_dir,
                                         const char *config, struct slice *error) {
    struct policy_source *source = calloc(1, sizeof(*source));
    if (!source)
        abort();
    arena_init(&source->arena);
    struct reading reading = {.source = source, .problems = buffer_in(arena)};
    directory_read(&reading, library_dir, "moonlatch", NULL);
    directory_read(&reading, directory, "policies", config ? "settings.lua" : NULL);
    if (config)
        config_read(&reading, config);
    specs_read(&reading, directory);
    if (!reading.problems.len)
        return source;
    *error = arena_copy(arena, buffer_slice(&reading.problems));
    policy_source_free(source);
    return NULL;
}

void policy_source_free(struct policy_source *source) {
    arena_free(&source->arena);
    free(source);
}

void policy_source_version(const struct policy_source *source, char version[POLICY_VERSION_LEN + 1]) {
    unsigned char hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    for (const struct source_file *file = source->first; file; file = file->next) {
        crypto_generichash_update(&state, (const unsigned char *)file->label, strlen(file->label) + 1);
        crypto_generichash_update(&state, (const unsigned char *)file->text.at, file->text.len);
    }
    crypto_generichash_final(&state, hash, sizeof(hash));
    sodium_bin2hex(version, POLICY_VERSION_LEN + 1, hash, POLICY_VERSION_LEN / 2);
}

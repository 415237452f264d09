#include "crypto/keyring.h"

#include "base/log.h"
#include "crypto/hex.h"
#include "crypto/random.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_VARIABLE "MOONLATCH_SECRET"

enum { DRAFT_TAG_LEN = 16, DISTINCT_MIN = 12 };
_Static_assert(SECRET_SIZE == crypto_kdf_KEYBYTES, "keys are derived from it");

struct keyring {
    unsigned char keys[KEY_PURPOSES][KEY_SIZE];
};

/* What went wrong with a file, and what to do about it. */
static bool complain(struct arena *arena, struct slice *error, const char *path, const char *what) {
    *error = arena_printf(arena, "%s: %s", path, what);
    return false;
}

static bool from_environment(struct arena *arena, unsigned char secret[SECRET_SIZE], struct slice *error) {
    char *text = getenv(SECRET_VARIABLE);
    bool is_good = hex_decode(slice_of(text), secret, SECRET_SIZE);
    sodium_memzero(text, strlen(text)); /* unsetenv leaves the bytes where /proc/PID/environ shows them */
    unsetenv(SECRET_VARIABLE);
    return is_good ||
           complain(arena, error, SECRET_VARIABLE, "must be 64 hex digits; make one with `openssl rand -hex 32`.");
}

static bool from_file(struct arena *arena, const char *path, unsigned char secret[SECRET_SIZE], struct slice *error) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (file < 0)
        return complain(arena, error, path, "cannot be read; start the server as the user who owns it.");
    bool is_known = fstat(file, &info) == 0;
    ssize_t got = read(file, secret, SECRET_SIZE);
    close(file);
    if (!is_known || (info.st_mode & 077))
        return complain(arena, error, path, "may be read by others; run `chmod 600` on it.");
    if (got != SECRET_SIZE || info.st_size != SECRET_SIZE)
        return complain(arena, error, path, "is not a secret of 32 bytes; restore it from your backup.");
    return true;
}

static bool write_whole(const char *path, const unsigned char *bytes, size_t size) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return false;
    bool is_written = write(file, bytes, size) == (ssize_t)size && fsync(file) == 0;
    return close(file) == 0 && is_written;
}

/* A name in a directory outlives a power cut only when the directory is on the disk too. */
static bool directory_sync(const char *directory) {
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = file >= 0 && fsync(file) == 0;
    if (file >= 0)
        close(file);
    return is_synced;
}

/* Written beside, then linked into place: whoever links first wins, nobody sees half a secret, and a
 * secret that is there is never replaced. The draft's name is random: in containers that share the
 * directory every server may be process 1. */
static bool make_file(struct arena *arena, const char *directory, const char *path, struct slice *error) {
    unsigned char secret[SECRET_SIZE];
    char tag[DRAFT_TAG_LEN + 1];
    random_base62(tag, DRAFT_TAG_LEN);
    const char *draft = arena_printf(arena, "%s.%s.new", path, tag).at;
    randombytes_buf(secret, sizeof(secret));
    bool is_made = write_whole(draft, secret, sizeof(secret)) && (link(draft, path) == 0 || errno == EEXIST);
    unlink(draft);
    is_made = is_made && directory_sync(directory);
    sodium_memzero(secret, sizeof(secret));
    return is_made || complain(arena, error, directory, "cannot be written; give --state a directory of yours.");
}

static bool secret_read(struct arena *arena, const char *state_dir, unsigned char secret[SECRET_SIZE],
                        struct slice *error) {
    if (getenv(SECRET_VARIABLE))
        return from_environment(arena, secret, error);
    const char *path = arena_printf(arena, "%s/secret", state_dir).at;
    if (mkdir(state_dir, 0700) != 0 && errno != EEXIST)
        return complain(arena, error, state_dir,
                        "cannot be made, or is in a directory that you may not enter; give --state one of yours.");
    if (access(path, F_OK) != 0 && !make_file(arena, state_dir, path, error))
        return false;
    return from_file(arena, path, secret, error);
}

struct keyring *keyring_from(const unsigned char secret[SECRET_SIZE]) {
    struct keyring *keyring = sodium_malloc(sizeof(*keyring));
    if (!keyring)
        return NULL;
    for (unsigned purpose = 0; purpose < KEY_PURPOSES; purpose++)
        crypto_kdf_derive_from_key(keyring->keys[purpose], KEY_SIZE, purpose + 1, "moonltch", secret);
    sodium_mprotect_readonly(keyring);
    return keyring;
}

/* Random bytes are nearly all different: 32 with fewer than 12 values (1 in 10^24 of random ones) are zeros, a repeated
 * pattern, a placeholder from a manual. */
static bool is_random(const unsigned char secret[SECRET_SIZE]) {
    bool seen[UINT8_MAX + 1] = {false};
    int distinct = 0;
    for (size_t i = 0; i < SECRET_SIZE; i++) {
        distinct += !seen[secret[i]];
        seen[secret[i]] = true;
    }
    sodium_memzero(seen, sizeof(seen));
    return distinct >= DISTINCT_MIN;
}

struct keyring *keyring_open(struct arena *arena, const char *state_dir, struct slice *error) {
    unsigned char secret[SECRET_SIZE];
    struct keyring *keyring = NULL;
    if (secret_read(arena, state_dir, secret, error)) {
        bool is_good = !sodium_is_zero(secret, sizeof(secret));
        keyring = is_good ? keyring_from(secret) : NULL;
        if (!is_random(secret)) /* what was served before is served: its keys sign, and its tokens are out */
            log_warn("secret_not_random", log_string("advice", "make one with `openssl rand -hex 32`"));
        if (!is_good)
            *error = SLICE("the server's secret is all zeros; make one with `openssl rand -hex 32`.");
        else if (!keyring)
            *error = SLICE("no guarded memory can be had for the keys; look at `ulimit -v`.");
    }
    sodium_memzero(secret, sizeof(secret));
    return keyring;
}

void keyring_close(struct keyring *keyring) {
    sodium_free(keyring);
}

const unsigned char *keyring_key(const struct keyring *keyring, enum key_purpose purpose) {
    return keyring->keys[purpose];
}

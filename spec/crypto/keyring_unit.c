#include "../../engine/crypto/keyring.c"

#include "../unit/unit.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static struct arena arena;
static char root[64], state[128], path[256];

/* A fresh state directory that does not exist yet, without the variable. */
static void fresh(void) {
    static int count;
    if (!count) {
        snprintf(root, sizeof(root), "/tmp/keyring_unit.XXXXXX");
        CHECK(mkdtemp(root) != NULL);
    }
    snprintf(state, sizeof(state), "%s/%d", root, count++);
    snprintf(path, sizeof(path), "%s/secret", state);
    unsetenv(SECRET_VARIABLE);
}

static void put(const void *bytes, size_t size, mode_t mode) {
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0 && chmod(path, mode) == 0);
}

static bool opens(void) {
    struct slice error = SLICE_NONE;
    struct keyring *keyring = keyring_open(&arena, state, &error);
    CHECK(slice_is_set(error) == !keyring);
    keyring_close(keyring);
    return keyring;
}

/* Refused, with these words in the reason. */
static bool complains_of(const char *words) {
    struct slice error = SLICE_NONE;
    struct keyring *keyring = keyring_open(&arena, state, &error);
    keyring_close(keyring);
    bool is_said = !keyring && slice_is_set(error) && strstr(arena_string(&arena, error), words);
    if (!is_said)
        printf("# said: %.*s\n", SLICE_ARG(error));
    return is_said;
}

static int files_in(const char *directory) {
    int count = 0;
    DIR *open_directory = opendir(directory);
    for (struct dirent *entry; open_directory && (entry = readdir(open_directory));)
        count += entry->d_name[0] != '.';
    closedir(open_directory);
    return count;
}

static void makes_a_secret_of_its_own(void) {
    struct stat info;
    fresh();
    mode_t mask = umask(0);
    CHECK(opens());
    umask(mask);
    CHECK(stat(state, &info) == 0 && (info.st_mode & 07777) == 0700);
    CHECK(stat(path, &info) == 0 && (info.st_mode & 07777) == 0600 && info.st_size == SECRET_SIZE);
    CHECK(files_in(state) == 1); /* no draft is left */
}

static void keeps_it(void) {
    struct slice error;
    unsigned char first[KEY_SIZE];
    fresh();
    struct keyring *keyring = keyring_open(&arena, state, &error);
    memcpy(first, keyring_key(keyring, KEY_HASH), KEY_SIZE);
    keyring_close(keyring);
    keyring = keyring_open(&arena, state, &error);
    CHECK(memcmp(first, keyring_key(keyring, KEY_HASH), KEY_SIZE) == 0);
    keyring_close(keyring);
    fresh();
    keyring = keyring_open(&arena, state, &error);
    CHECK(memcmp(first, keyring_key(keyring, KEY_HASH), KEY_SIZE) != 0); /* another server's is another */
    keyring_close(keyring);
}

static void gives_each_purpose_a_key_of_its_own(void) {
    struct slice error;
    unsigned char secret[SECRET_SIZE];
    fresh();
    struct keyring *keyring = keyring_open(&arena, state, &error);
    FILE *file = fopen(path, "r");
    CHECK(file && fread(secret, 1, sizeof(secret), file) == sizeof(secret) && fclose(file) == 0);
    for (int a = 0; a < KEY_PURPOSES; a++) {
        CHECK(memcmp(keyring_key(keyring, (enum key_purpose)a), secret, KEY_SIZE) != 0);
        for (int b = 0; b < a; b++)
            CHECK(memcmp(keyring_key(keyring, (enum key_purpose)a), keyring_key(keyring, (enum key_purpose)b),
                         KEY_SIZE) != 0);
    }
    keyring_close(keyring);
}

/* Data at rest hangs on these: a change of the derivation would lose every token and key. */
static void derives_the_same_keys_for_ever(void) {
    static const char *const expected[KEY_PURPOSES] = {
        [KEY_HASH] = "e9e5cdd102dbbfa3",        [KEY_NONCE] = "fb88fa846ff84247",
        [KEY_CSRF] = "e7e58c12bcb1ab0a",        [KEY_CONSENT] = "4d10890e18eac7d7",
        [KEY_CODE] = "76cb34ef9d74a533",        [KEY_SIGNING] = "f301ff4704ccb077",
        [KEY_REQUEST] = "919e2cc43bd05a06",     [KEY_DEVICE] = "ec9a241a5fc2aa8a",
        [KEY_DPOP] = "02c0d0432cd7d12a",        [KEY_FACTOR] = "43ac6e6e4dc1e7fc",
        [KEY_PASSKEY] = "4f084ef499bbc287",     [KEY_SECOND_PASSKEY] = "655fd9538f6f57f2",
        [KEY_NEW_PASSKEY] = "d67012778ec2e083", [KEY_FORM] = "abc8ae964fcdfabe",
    };
    struct slice error;
    fresh();
    setenv(SECRET_VARIABLE, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 1);
    struct keyring *keyring = keyring_open(&arena, state, &error);
    for (int purpose = 0; purpose < KEY_PURPOSES; purpose++) {
        struct slice start = {(const char *)keyring_key(keyring, (enum key_purpose)purpose), 8};
        struct slice text = hex_encode(&arena, start);
        if (!slice_is(text, expected[purpose]))
            printf("# %d: %.*s\n", purpose, SLICE_ARG(text));
        CHECK(slice_is(text, expected[purpose]));
    }
    keyring_close(keyring);
}

static void the_variable_goes_first_and_is_gone(void) {
    fresh();
    setenv(SECRET_VARIABLE, "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F", 1);
    CHECK(opens());
    CHECK(!getenv(SECRET_VARIABLE));
    CHECK(access(state, F_OK) != 0); /* no file was made */
}

static void a_bad_variable_is_refused_and_gone(void) {
    static const char *const bad[] = {"", "00", "hunter2",
                                      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g",
                                      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        fresh();
        setenv(SECRET_VARIABLE, bad[i], 1);
        CHECK(complains_of("64 hex digits"));
        CHECK(!getenv(SECRET_VARIABLE));
        CHECK(access(state, F_OK) != 0); /* not silently another secret */
    }
}

/* This program again, with the variable in its first environment: what /proc shows afterwards. */
static int show_environment(void) {
    char bytes[4096];
    struct slice error;
    struct keyring *keyring = keyring_open(&arena, "/nonexistent", &error);
    FILE *file = fopen("/proc/self/environ", "r");
    size_t got = file ? fread(bytes, 1, sizeof(bytes), file) : 0;
    if (file)
        fclose(file);
    bool is_shown = memmem(bytes, got, "0a0b0c0d", 8) != NULL;
    keyring_close(keyring);
    arena_free(&arena);
    return keyring && got && !is_shown ? 0 : 1;
}

static void proc_does_not_show_the_variable(void) {
    pid_t child = fork();
    if (child == 0) {
        char name[] = "keyring_unit", word[] = "environment";
        char variable[] = SECRET_VARIABLE "=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        execve("/proc/self/exe", (char *[]){name, word, NULL}, (char *[]){variable, NULL});
        _exit(2);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_secret_that_others_may_read_is_refused(void) {
    unsigned char secret[SECRET_SIZE];
    randombytes_buf(secret, sizeof(secret));
    static const mode_t bad[] = {0644, 0640, 0604, 0620, 0601, 0660};
    fresh();
    CHECK(mkdir(state, 0700) == 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        put(secret, sizeof(secret), bad[i]);
        CHECK(complains_of("chmod 600"));
    }
    put(secret, sizeof(secret), 0600);
    CHECK(opens());
    put(secret, sizeof(secret), 0400);
    CHECK(opens());
    CHECK(chmod(path, 0600) == 0);
}

static void a_secret_of_another_size_is_refused_and_left_alone(void) {
    unsigned char bytes[SECRET_SIZE + 1] = {0};
    static const size_t bad[] = {0, 1, SECRET_SIZE - 1, SECRET_SIZE + 1};
    fresh();
    CHECK(mkdir(state, 0700) == 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct stat info;
        put(bytes, bad[i], 0600);
        CHECK(complains_of("32 bytes"));
        CHECK(stat(path, &info) == 0 && (size_t)info.st_size == bad[i]);
    }
}

static void a_secret_of_zeros_is_refused(void) {
    unsigned char bad[SECRET_SIZE] = {0};
    fresh();
    CHECK(mkdir(state, 0700) == 0);
    put(bad, sizeof(bad), 0600);
    CHECK(complains_of("all zeros"));
    setenv(SECRET_VARIABLE, "0000000000000000000000000000000000000000000000000000000000000000", 1);
    CHECK(complains_of("all zeros") && !getenv(SECRET_VARIABLE));
}

static void a_pattern_is_not_random(void) {
    unsigned char text[SECRET_SIZE];
    for (size_t period = 1; period < DISTINCT_MIN; period++) { /* abcabcabc… */
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (unsigned char)('a' + i % period);
        CHECK(!is_random(text));
    }
    for (int i = 0; i < 1000; i++) {
        randombytes_buf(text, sizeof(text));
        CHECK(is_random(text));
    }
}

static void a_place_that_cannot_be_used_is_refused(void) {
    fresh();
    snprintf(state, sizeof(state), "/proc/none");
    CHECK(complains_of("cannot be made"));
    snprintf(state, sizeof(state), "/proc/self/environ");
    CHECK(complains_of("--state"));
    fresh();
    CHECK(mkdir(state, 0700) == 0 && symlink("/nonexistent/secret", path) == 0);
    CHECK(complains_of("cannot be read"));
}

/* Many processes open an empty directory at the same moment: all must have the same key. */
static void openers_that_race_agree(void) {
    enum { OPENERS = 16, ROUNDS = 10 };
    for (int round = 0; round < ROUNDS; round++) {
        int gate[2], answers[2];
        unsigned char first[KEY_SIZE], next[KEY_SIZE];
        fresh();
        CHECK(pipe(gate) == 0 && pipe(answers) == 0);
        for (int i = 0; i < OPENERS; i++) {
            if (fork() != 0)
                continue;
            char byte;
            struct slice error;
            unsigned char none[KEY_SIZE] = {(unsigned char)i};
            close(gate[1]);
            ssize_t got = read(gate[0], &byte, 1); /* ends when the gate is closed */
            struct keyring *keyring = keyring_open(&arena, state, &error);
            got += write(answers[1], keyring ? keyring_key(keyring, KEY_HASH) : none, KEY_SIZE);
            _exit(got == KEY_SIZE ? 0 : 1);
        }
        close(gate[0]);
        close(gate[1]);
        CHECK(read(answers[0], first, KEY_SIZE) == KEY_SIZE);
        for (int i = 1; i < OPENERS; i++)
            CHECK(read(answers[0], next, KEY_SIZE) == KEY_SIZE && memcmp(first, next, KEY_SIZE) == 0);
        close(answers[0]);
        close(answers[1]);
        while (wait(NULL) > 0)
            ;
        CHECK(files_in(state) == 1);
    }
}

static void keys_cannot_be_written(void) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct slice error;
        fresh();
        struct keyring *keyring = keyring_open(&arena, state, &error);
        signal(SIGSEGV, SIG_DFL);
        *(volatile unsigned char *)(uintptr_t)keyring_key(keyring, KEY_HASH) = 1;
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(int count, char **words) {
    CHECK(sodium_init() >= 0);
    arena_init(&arena);
    if (count == 2 && strcmp(words[1], "environment") == 0)
        return show_environment();
    RUN(makes_a_secret_of_its_own);
    RUN(keeps_it);
    RUN(gives_each_purpose_a_key_of_its_own);
    RUN(derives_the_same_keys_for_ever);
    RUN(the_variable_goes_first_and_is_gone);
    RUN(a_bad_variable_is_refused_and_gone);
    RUN(proc_does_not_show_the_variable);
    RUN(a_secret_that_others_may_read_is_refused);
    RUN(a_secret_of_another_size_is_refused_and_left_alone);
    RUN(a_secret_of_zeros_is_refused);
    RUN(a_pattern_is_not_random);
    RUN(a_place_that_cannot_be_used_is_refused);
    RUN(openers_that_race_agree);
    RUN(keys_cannot_be_written);
    snprintf(path, sizeof(path), "rm -rf %s", root);
    CHECK(system(path) == 0);
    arena_free(&arena);
    return unit_end();
}

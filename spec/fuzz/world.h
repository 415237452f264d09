/* A server without its wire, for requests that are run in process: a store, policies, pages and keys, made once, and
 * two users, an administrator and some apps in it. After each input the store is as it was. Randomness begins anew with
 * each input, so that an input does the same again. */
#ifndef SPEC_FUZZ_WORLD_H
#define SPEC_FUZZ_WORLD_H

#include "fuzz.h"

#include "base/log.h"
#include "cli/command.h"
#include "registry/api_keys.h"
#include "registry/audit.h"
#include "registry/signing_keys.h"
#include "registry/users.h"
#include "server/edition.h"
#include "server/fetch.h"

#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#define WORLD_ISSUER "https://id.example"

static struct {
    struct arena arena;
    struct command_line line;
    struct workplace place;
    struct generation *generation;
    sqlite3 *outside, *as_it_was; /* another connection to the database; its copy in memory */
    int64_t version;              /* of the database, when it was as it was */
    char directory[512];
} world;

/* Other servers do not answer (in place of server/fetch.c). */
bool fetch_begin(struct arena *arena, const struct settings *settings, struct slice *error) {
    (void)arena;
    (void)settings;
    (void)error;
    return true;
}

void fetch_end(void) {
}

bool fetch_run(struct arena *arena, const struct service *service, struct fetch *fetch) {
    (void)arena;
    (void)service;
    fetch->status = 0;
    fetch->why = SLICE("nobody is there");
    return false;
}

/* --- randomness that is the same again --- */

static uint64_t random_state;

static const char *random_name(void) {
    return "fuzz";
}

static uint32_t random_word(void) {
    random_state += 0x9e3779b97f4a7c15; /* splitmix64 */
    uint64_t z = random_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (uint32_t)(z >> 32);
}

static void random_fill(void *at, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)at)[i] = (unsigned char)random_word();
}

static struct randombytes_implementation random_again = {
    .implementation_name = random_name, .random = random_word, .buf = random_fill};

/* --- the store --- */

/* The writer without its threads: who waits for it does its work. */
struct sqlite_writer;
static void writer_turn(struct sqlite_writer *writer, pthread_mutex_t *mutex);
#define pthread_create(thread, attributes, main, argument) ((void)(main), 0)
#define pthread_join(thread, result) ((void)(thread))
#define pthread_cond_wait(condition, mutex) writer_turn(writer, mutex)
#include "../../engine/store/sqlite_writer.c"

static void writer_works(void *writer) {
    watch(writer, clock_monotonic_ms());
    group_next(writer);
}

static void writer_turn(struct sqlite_writer *writer, pthread_mutex_t *mutex) {
    pthread_mutex_unlock(mutex);
    fiber_hop(writer_works, writer);
    pthread_mutex_lock(mutex);
}

static int64_t outside_asks(const char *sql) {
    sqlite3_stmt *statement;
    FUZZ_CHECK(sqlite3_prepare_v2(world.outside, sql, -1, &statement, NULL) == SQLITE_OK);
    FUZZ_CHECK(sqlite3_step(statement) == SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static void database_copy(sqlite3 *to, sqlite3 *from) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    FUZZ_CHECK(backup);
    while (sqlite3_backup_step(backup, -1) != SQLITE_DONE) /* the writer may be at a checkpoint */
        FUZZ_CHECK(sqlite3_errcode(to) == SQLITE_BUSY || sqlite3_errcode(to) == SQLITE_OK);
    FUZZ_CHECK(sqlite3_backup_finish(backup) == SQLITE_OK);
}

static void world_keep(void) {
    FUZZ_CHECK(sqlite3_open(world.place.line->settings.database + strlen("sqlite:"), &world.outside) == SQLITE_OK);
    FUZZ_CHECK(sqlite3_open(":memory:", &world.as_it_was) == SQLITE_OK);
    database_copy(world.as_it_was, world.outside);
    world.version = outside_asks("PRAGMA data_version");
}

/* Before each input. */
static void world_begin(void) {
    random_state = 1;
}

/* Behind it. */
static void world_reset(void) {
    audit_flush(world.generation->service.audit);
    if (outside_asks("PRAGMA data_version") == world.version)
        return;
    database_copy(world.outside, world.as_it_was);
    world.version = outside_asks("PRAGMA data_version");
    db_forget_all(world.place.db);
}

/* --- what makes it --- */

static void world_end(void) {
    char path[600];
    static const char *const files[] = {"moonlatch.db", "moonlatch.db-wal", "moonlatch.db-shm", "secret"};
    sqlite3_close(world.outside);
    sqlite3_close(world.as_it_was);
    audit_close(world.generation->service.audit);
    signing_close(world.generation->service.signing);
    struct edition *edition = world.generation->edition;
    generation_close(world.generation);
    edition_release(edition);
    workplace_close(&world.place);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(path, sizeof(path), "%s/%s", world.directory, files[i]);
        unlink(path);
    }
    rmdir(world.directory);
    arena_free(&world.arena);
}

static void settings_make(void) {
    const char *parent = getenv("TMPDIR");
    struct slice error = SLICE_NONE;
    snprintf(world.directory, sizeof(world.directory), "%s/moonlatch-fuzz-XXXXXX", parent ? parent : "/tmp");
    FUZZ_CHECK(mkdtemp(world.directory));
    const struct option given[] = {{"state", world.directory}, {"issuer", WORLD_ISSUER}, {"demo", NULL}};
    world.line.arena = &world.arena;
    memcpy(world.line.options.list, given, sizeof(given));
    world.line.options.count = sizeof(given) / sizeof(*given);
    FUZZ_CHECK(settings_read(&world.line, &error));
    struct settings *settings = &world.line.settings;
    settings->policy_call_ms = 10000; /* sanitizers are slow */
    settings->store_timeout_ms = 60000;
    settings->device_codes_per_address_max = settings->registrations_per_address_max = 0; /* any number */
    settings->proofs_per_address_max = settings->refusals_told_max = 0;
    settings->registration_owner = SLICE("ann");
}

static void service_make(void) {
    struct slice error = SLICE_NONE;
    struct rows *keys;
    struct request *request = &world.place.request;
    FUZZ_CHECK(workplace_open(&world.place, &world.line, &error));
    FUZZ_CHECK(!signing_keys_prepare(request) && !signing_keys_read(request, &keys));
    struct edition *edition = edition_open(&world.arena, &world.line.settings, &error);
    FUZZ_CHECK(edition);
    world.generation = generation_open(&world.arena, edition, &world.line.settings, world.place.keyring, &error);
    FUZZ_CHECK(world.generation);
    struct service *service = &world.generation->service;
    service->db = world.place.db;
    service->audit = audit_open(service->db, world.line.settings.audit_s);
    service->signing = signing_open(world.place.keyring, &world.line.settings, keys, &error);
    FUZZ_CHECK(service->signing);
}

static void world_make(void) {
    log_level_set((enum log_level)(LOG_ERROR + 1));
    randombytes_set_implementation(&random_again);
    arena_init(&world.arena);
    settings_make();
    service_make();
    atexit(world_end);
}

/* As the command line makes one. */
static struct slice user_make(const char *name, const char *roles, struct slice *api_key) {
    struct request *request = &world.place.request;
    struct user user = {.username = slice_of(name), .roles = slice_of(roles)};
    struct slice fingerprint, key_id;
    FUZZ_CHECK(!user_store(request, &user, &fingerprint));
    FUZZ_CHECK(!api_key_create(request, &user, SLICE("fuzz"), 100, &key_id, api_key));
    return fingerprint;
}

#endif

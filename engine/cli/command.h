/* The command line: one table of commands (main.c), one parser, one printer. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/value.h"
#include "server/request.h"

#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, OPTIONS_MAX = 32 };

struct option {
    const char *name, *value; /* without "--"; value NULL for a switch */
};

struct options {
    struct option list[OPTIONS_MAX];
    size_t count;
    const char *arguments[OPTIONS_MAX]; /* what stands behind the command's words */
    size_t argument_count;
};

struct command_line {
    struct arena *arena;
    struct options options;
    struct settings settings;
    bool prints_blocks; /* a list's items are long: lines for each (print_result) */
};

struct workplace;

struct command {
    const char *noun, *verb; /* "user", "create"; verb NULL: the noun is all */
    /* One of the two: on its own, or with the store open (then *result is printed, or the error is). */
    int (*run)(struct command_line *line);
    enum error (*work)(struct workplace *workplace, struct value **result);
    size_t arguments; /* how many it takes */
    bool arguments_optional;
    const char *flags; /* of its own, separated by spaces; those with a value end in "=" */
    const char *usage, *summary;
};

/* The last value of a flag, or NULL. */
const char *option_get(const struct options *options, const char *name);
bool option_is_set(const struct options *options, const char *name);
/* All values of a repeatable flag, as text separated by spaces. */
struct slice options_join(struct arena *arena, const struct options *options, const char *name);

/* Reads flags and arguments behind the command's words; false, and a message on stderr, when one is
 * not the command's or lacks its value. */
bool options_parse(struct options *options, const struct command *command, int count, char **words);

/* Flags, then MOONLATCH_* of the environment, then the settings file, then defaults. False with *error. */
bool settings_read(struct command_line *line, struct slice *error);

/* Prints a result: JSON on one line with --json, else "name: value" lines; a list one item a line, or a block of such
 * lines for each. */
void print_result(const struct command_line *line, const struct value *result);
/* Lines of a text that others had a part in, as a terminal may have them (utf8_add_escaped), and a line feed. */
void print_lines(FILE *file, struct slice text);
/* What ended with a credential (registry/users.h), and what is left; nothing where none was lost. */
struct user_signed_out;
void add_signed_out(struct arena *arena, struct value *result, const struct user_signed_out *ended);
/* One sentence on stderr; returns EXIT_REFUSED. */
int refuse(struct slice why);

/* What commands that touch the store work with: the same service and request that an endpoint has, so
 * that they share its checks. Blocking: there is no loop. */
struct workplace {
    struct command_line *line;
    struct service service;
    struct request request;
    struct keyring *keyring;
    struct store *store;
    struct db *db;
    struct policy_source *policies;
    struct policy *policy;
};
/* False with *error. Close it in either case. */
bool workplace_open(struct workplace *workplace, struct command_line *line, struct slice *error);
void workplace_close(struct workplace *workplace);
/* The sentence of an error that a check returned. */
struct slice workplace_error(const struct workplace *workplace, enum error error);

int command_serve(struct command_line *line);
int command_policy_check(struct command_line *line);
int command_policy_eval(struct command_line *line);
int command_policy_facts(struct command_line *line);
int command_policy_reload(struct command_line *line);
int command_policy_test(struct command_line *line);
int command_policy_shadow(struct command_line *line);
enum error command_policy_explain(struct workplace *workplace, struct value **result);
enum error command_policy_replay(struct workplace *workplace, struct value **result);
enum error command_migrate(struct workplace *workplace, struct value **result);
enum error command_user_create(struct workplace *workplace, struct value **result);
enum error command_user_list(struct workplace *workplace, struct value **result);
enum error command_user_delete(struct workplace *workplace, struct value **result);
enum error command_key_create(struct workplace *workplace, struct value **result);
enum error command_key_list(struct workplace *workplace, struct value **result);
enum error command_key_revoke(struct workplace *workplace, struct value **result);
enum error command_passkey_list(struct workplace *workplace, struct value **result);
enum error command_passkey_remove(struct workplace *workplace, struct value **result);
enum error command_keys_rotate(struct workplace *workplace, struct value **result);
enum error command_keys_list(struct workplace *workplace, struct value **result);
enum error command_app_create(struct workplace *workplace, struct value **result);
enum error command_app_list(struct workplace *workplace, struct value **result);
enum error command_app_show(struct workplace *workplace, struct value **result);
enum error command_app_change(struct workplace *workplace, struct value **result);
enum error command_app_secret(struct workplace *workplace, struct value **result);
enum error command_app_delete(struct workplace *workplace, struct value **result);
enum error command_app_share(struct workplace *workplace, struct value **result);
enum error command_app_unshare(struct workplace *workplace, struct value **result);
enum error command_app_shares(struct workplace *workplace, struct value **result);
enum error command_user_show(struct workplace *workplace, struct value **result);
enum error command_user_change(struct workplace *workplace, struct value **result);
enum error command_user_fingerprint(struct workplace *workplace, struct value **result);

#endif

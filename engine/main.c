/* The command line: one table of commands. */
#include "cli/command.h"

#include "base/log.h"

#include <locale.h>
#include <sodium.h>
#include <stdio.h>

static const struct command commands[] = {
    {.noun = "serve",
     .run = command_serve,
     .flags = "listen= tls-cert= tls-key= workers= demo",
     .usage = "[--listen ADDR:PORT]... [--tls-cert FILE --tls-key FILE] [--workers N] [--demo]",
     .summary = "runs the server"},
    {.noun = "user",
     .verb = "create",
     .work = command_user_create,
     .arguments = 1,
     .flags = "hotkey= role=",
     .usage = "NAME [--hotkey SS58] [--role ROLE]...",
     .summary = "makes a user; prints the fingerprint once"},
    {.noun = "user", .verb = "list", .work = command_user_list, .flags = "", .usage = "", .summary = "lists users"},
    {.noun = "user",
     .verb = "delete",
     .work = command_user_delete,
     .arguments = 1,
     .flags = "",
     .usage = "NAME",
     .summary = "deletes a user with apps, grants and keys"},
    {.noun = "key",
     .verb = "create",
     .work = command_key_create,
     .arguments = 1,
     .flags = "",
     .usage = "NAME",
     .summary = "makes an API key for a user; prints it once"},
    {.noun = "key",
     .verb = "list",
     .work = command_key_list,
     .arguments = 1,
     .flags = "",
     .usage = "NAME",
     .summary = "lists a user's API keys"},
    {.noun = "key",
     .verb = "revoke",
     .work = command_key_revoke,
     .arguments = 1,
     .flags = "",
     .usage = "KEY_ID",
     .summary = "revokes an API key"},
    {.noun = "app",
     .verb = "create",
     .work = command_app_create,
     .arguments = 1,
     .flags = "owner= redirect-uri= allow-scope= description= homepage-url= logo-url= auth-method= refresh-days= "
              "private",
     .usage = "NAME --owner USER --redirect-uri URI... [--allow-scope SCOPE]... [--description TEXT] "
              "[--homepage-url URL] [--logo-url URL] [--auth-method METHOD] [--refresh-days N] [--private]",
     .summary = "makes an app; prints the client secret once"},
    {.noun = "app", .verb = "list", .work = command_app_list, .flags = "", .usage = "", .summary = "lists apps"},
    {.noun = "policy",
     .verb = "check",
     .run = command_policy_check,
     .arguments = 1,
     .arguments_optional = true,
     .flags = "",
     .usage = "[DIR]",
     .summary = "loads the policies as the server would"},
    {.noun = "migrate",
     .work = command_migrate,
     .flags = "",
     .usage = "",
     .summary = "brings the database to this version"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(*commands) };

static void command_print(FILE *out, const struct command *command) {
    fprintf(out, "  moonlatch %s%s%s %s\n      %s\n", command->noun, command->verb ? " " : "",
            command->verb ? command->verb : "", command->usage, command->summary);
}

static int usage(FILE *out, const struct command *only) {
    fprintf(out, "usage:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (!only || only == &commands[i])
            command_print(out, &commands[i]);
    fprintf(out, "\neverywhere: [--json] [--state DIR] [--database sqlite:PATH] [--policies DIR] [--templates DIR]\n"
                 "            [--config FILE] [--issuer URL] [--log-level debug|info|warn|error]\n"
                 "each also as MOONLATCH_STATE and so on in the environment, and in the settings file.\n");
    return out == stdout ? EXIT_DONE : EXIT_USAGE;
}

static const struct command *command_find(int count, char **words, int *used) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &commands[i];
        *used = command->verb ? 2 : 1;
        if (count >= *used && strcmp(words[0], command->noun) == 0 &&
            (!command->verb || strcmp(words[1], command->verb) == 0))
            return command;
    }
    return NULL;
}

static int work(const struct command *command, struct command_line *line) {
    struct workplace workplace;
    struct slice why = SLICE_NONE;
    if (workplace_open(&workplace, line, &why)) {
        struct value *result;
        enum error error = command->work(&workplace, &result);
        if (error)
            why = workplace_error(&workplace, error);
        else
            print_result(line, result);
    }
    workplace_close(&workplace);
    return slice_is_set(why) ? refuse(why) : EXIT_DONE;
}

int main(int count, char **words) {
    setlocale(LC_CTYPE, "C.UTF-8"); /* letters of every script, whatever the environment says */
    if (sodium_init() < 0) {
        fprintf(stderr, "moonlatch: libsodium cannot be initialized\n");
        return EXIT_REFUSED;
    }
    int used;
    const struct command *command = command_find(count - 1, words + 1, &used);
    if (!command) {
        bool asked = count > 1 && (strcmp(words[1], "help") == 0 || strcmp(words[1], "--help") == 0);
        return usage(asked ? stdout : stderr, NULL);
    }
    struct arena arena;
    arena_init(&arena);
    struct command_line line = {.arena = &arena};
    int status;
    struct slice error;
    if (!options_parse(&line.options, command, count - 1 - used, words + 1 + used))
        status = usage(stderr, command);
    else if (option_is_set(&line.options, "help"))
        status = usage(stdout, command);
    else if (!settings_read(&line, &error))
        status = refuse(error);
    else
        status = command->run ? command->run(&line) : work(command, &line);
    log_flush();
    arena_free(&arena);
    arena_pool_drain();
    return status;
}

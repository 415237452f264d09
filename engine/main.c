/* The command line: one table of commands. */
#include "cli/command.h"

#include "base/log.h"

#include <locale.h>
#include <sodium.h>
#include <stdio.h>

#define APP_FLAGS \
    "redirect-uri= allow-scope= description= homepage-url= logo-url= auth-method= refresh-days= public private " \
    "grant-type= id-token-alg= jwks= jwks-uri= post-logout-redirect-uri= backchannel-logout-uri= dpop no-dpop par " \
    "no-par"
#define APP_USAGE \
    "[--redirect-uri URI]... [--allow-scope SCOPE]... [--description TEXT] [--homepage-url URL] [--logo-url URL] " \
    "[--auth-method METHOD] [--refresh-days N] [--public | --private] [--grant-type TYPE]... [--id-token-alg ALG] " \
    "[--jwks FILE | --jwks-uri URL] [--post-logout-redirect-uri URI]... [--backchannel-logout-uri URL] " \
    "[--dpop | --no-dpop] [--par | --no-par]"

/* noun, verb, run or work, number of arguments, whether they may be left out, flags, usage, summary */
/* clang-format off */
static const struct command commands[] = {
    {"serve", NULL, command_serve, NULL, 0, false, "listen= tls-cert= tls-key= workers= outgoing-ca= outgoing-private user= no-confine demo "
     "watch",
     "[--listen ADDR:PORT]... [--tls-cert FILE --tls-key FILE] [--workers N] [--user NAME] [--no-confine] "
     "[--outgoing-ca FILE] [--outgoing-private] [--watch] [--demo]", "runs the server"},
    {"user", "create", NULL, command_user_create, 1, false, "hotkey= role=",
     "NAME [--hotkey SS58] [--role ROLE]...", "makes a user; prints the fingerprint once"},
    {"user", "list", NULL, command_user_list, 0, false, "", "", "lists users"},
    {"user", "show", NULL, command_user_show, 1, false, "", "NAME", "shows a user"},
    {"user", "change", NULL, command_user_change, 1, false, "hotkey= role= no-roles",
     "NAME [--hotkey SS58] [--role ROLE]... [--no-roles]", "sets the hotkey (empty: none) or all roles; sessions and tokens of apps end with a hotkey that is replaced"},
    {"user", "fingerprint", NULL, command_user_fingerprint, 1, false, "", "NAME",
     "makes a new fingerprint, prints it once; the old one stops, and sessions and tokens of apps end"},
    {"user", "delete", NULL, command_user_delete, 1, false, "", "NAME",
     "deletes a user with apps, shares, grants, keys and sessions"},
    {"key", "create", NULL, command_key_create, 1, false, "name=", "USER [--name NAME]",
     "makes an API key for a user; prints it once"},
    {"key", "list", NULL, command_key_list, 1, false, "", "USER", "lists a user's API keys"},
    {"key", "revoke", NULL, command_key_revoke, 1, false, "", "KEY_ID", "revokes an API key"},
    {"passkey", "list", NULL, command_passkey_list, 1, false, "", "USER", "lists a user's passkeys"},
    {"passkey", "remove", NULL, command_passkey_remove, 1, false, "", "PASSKEY_ID", "removes a passkey that was lost; its user's sessions and tokens of apps end"},
    {"app", "create", NULL, command_app_create, 1, false, "owner= " APP_FLAGS, "NAME --owner USER " APP_USAGE,
     "makes an app; prints the client secret once"},
    {"app", "list", NULL, command_app_list, 0, false, "", "", "lists apps"},
    {"app", "show", NULL, command_app_show, 1, false, "", "APP_ID", "shows an app, by app_id or client_id"},
    {"app", "change", NULL, command_app_change, 1, false, "name= on off " APP_FLAGS,
     "APP_ID [--name NAME] [--on | --off] " APP_USAGE, "changes what is given; an empty text clears"},
    {"app", "secret", NULL, command_app_secret, 1, false, "", "APP_ID",
     "makes a new client secret, prints it once; the old one stops"},
    {"app", "delete", NULL, command_app_delete, 1, false, "", "APP_ID", "deletes an app; its tokens stop"},
    {"app", "share", NULL, command_app_share, 2, false, "", "APP_ID USER", "shows an app to one more user"},
    {"app", "unshare", NULL, command_app_unshare, 2, false, "", "APP_ID USER", "takes that back"},
    {"app", "shares", NULL, command_app_shares, 1, false, "", "APP_ID", "lists with whom an app is shared"},
    {"policy", "check", command_policy_check, NULL, 1, true, "", "[DIR]", "loads policies and templates as the server would, and asks each function for a decision"},
    {"policy", "test", command_policy_test, NULL, 1, true, "", "[DIR]",
     "runs the specs beside the policies (*_spec.lua), in their sandbox"},
    {"policy", "eval", command_policy_eval, NULL, 2, false, "", "NAME.FUNCTION FACTS",
     "makes one decision; FACTS is JSON, a list where the function takes two"},
    {"policy", "shadow", command_policy_shadow, NULL, 1, true, "off", "[DIR | --off]",
     "has the running server also ask a candidate, and log and count where it differs; alone: how it fares"},
    {"policy", "explain", NULL, command_policy_explain, 0, false, "request=", "--request ID",
     "shows what led to an answer: facts, decisions, policy version"},
    {"policy", "replay", NULL, command_policy_replay, 1, false, "since=", "DIR [--since 24h]",
     "makes past decisions again with a candidate, and shows which would differ"},
    {"policy", "facts", command_policy_facts, NULL, 1, true, "", "[NAME.FUNCTION]",
     "lists the facts that policies get, each with a decision that uses it"},
    {"policy", "reload", command_policy_reload, NULL, 0, false, "", "",
     "has the running server take policies, templates and certificate as they are now"},
    {"keys", "rotate", NULL, command_keys_rotate, 0, false, "now anew", "[--now | --anew]",
     "makes new signing keys, which servers publish at once and sign with after their lead, or now; anew: without those "
     "there are"},
    {"keys", "list", NULL, command_keys_list, 0, false, "", "", "lists the signing keys"},
    {"migrate", NULL, NULL, command_migrate, 0, false, "", "", "brings the database to this version"},
};
/* clang-format on */

enum { COMMAND_COUNT = sizeof(commands) / sizeof(*commands) };

static void command_print(FILE *out, const struct command *command) {
    fprintf(out, "  moonlatch %s%s%s%s%s\n      %s\n", command->noun, command->verb ? " " : "",
            command->verb ? command->verb : "", *command->usage ? " " : "", command->usage, command->summary);
}

static bool noun_is_known(const char *noun) {
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].noun, noun) == 0)
            return true;
    return false;
}

/* Of that command, else of those with that noun, else (NULL, NULL) of all. */
static int usage(FILE *out, const struct command *only, const char *noun) {
    fprintf(out, "usage:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (only ? only == &commands[i] : !noun || strcmp(commands[i].noun, noun) == 0)
            command_print(out, &commands[i]);
    fprintf(out, "\neverywhere: [--json] [--state DIR] [--database sqlite:PATH | postgresql://…] [--policies DIR]\n"
                 "            [--templates DIR] [--config FILE] [--issuer URL] [--log-level debug|info|warn|error]\n"
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

/* No command was named: help was asked for, or a word is wrong. */
static int guide(int count, char **words) {
    bool is_asked = count > 0 && (strcmp(words[0], "help") == 0 || strcmp(words[0], "--help") == 0);
    const char *noun = count > is_asked && words[is_asked][0] != '-' ? words[is_asked] : NULL;
    bool is_known = noun && noun_is_known(noun);
    if (noun && !is_known) {
        fprintf(stderr, "moonlatch: there is no command ");
        print_lines(stderr, slice_of(noun));
    }
    return usage(is_asked && (is_known || !noun) ? stdout : stderr, NULL, is_known ? noun : NULL);
}

static int work(const struct command *command, struct command_line *line) {
    struct workplace workplace;
    struct slice why = SLICE_NONE;
    bool is_done = workplace_open(&workplace, line, &why);
    if (is_done) {
        struct value *result;
        enum error error = command->work(&workplace, &result);
        is_done = !error;
        if (error)
            why = workplace_error(&workplace, error);
        else
            print_result(line, result);
    }
    workplace_close(&workplace);
    return is_done ? EXIT_DONE : refuse(why);
}

int main(int count, char **words) {
    setlocale(LC_CTYPE, "C.UTF-8"); /* letters of every script, whatever the environment says */
    if (sodium_init() < 0) {
        fprintf(stderr, "moonlatch: libsodium cannot be initialized\n");
        return EXIT_REFUSED;
    }
    int used;
    const struct command *command = command_find(count - 1, words + 1, &used);
    if (!command)
        return guide(count - 1, words + 1);
    struct arena arena;
    arena_init(&arena);
    static struct command_line line; /* settings are many */
    line.arena = &arena;
    int status;
    struct slice error;
    if (!options_parse(&line.options, command, count - 1 - used, words + 1 + used))
        status = usage(stderr, command, NULL);
    else if (option_is_set(&line.options, "help"))
        status = usage(stdout, command, NULL);
    else if (!settings_read(&line, &error))
        status = refuse(error);
    else
        status = command->run ? command->run(&line) : work(command, &line);
    log_flush();
    arena_free(&arena);
    arena_pool_drain();
    return status;
}

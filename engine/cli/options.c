#include "cli/command.h"

#include "base/buffer.h"

/* Understood by every command. */
static const char common_flags[] = "json help config= database= state= policies= templates= issuer= log-level=";

/* Whether `name` stands in the list; *takes_value when it does with a "=". */
static bool flag_find(const char *flags, struct slice name, bool *takes_value) {
    struct slice rest = slice_of(flags);
    while (slice_is_set(rest)) {
        struct slice flag = slice_cut(&rest, ' ');
        *takes_value = flag.len && flag.at[flag.len - 1] == '=';
        if (*takes_value)
            flag.len--;
        if (flag.len && slice_equal(flag, name))
            return true;
    }
    return false;
}

/* What stands on a command line may be another's words, as a script has found them. */
static bool wrong(const char *what, const char *word, const char *why) {
    struct arena arena;
    arena_init(&arena);
    refuse(arena_printf(&arena, "%s%s%s", what, word, why));
    arena_free(&arena);
    return false;
}

static bool option_add(struct options *options, const char *name, const char *value) {
    if (options->count == OPTIONS_MAX)
        return wrong("too many flags", "", "");
    options->list[options->count++] = (struct option){name, value};
    return true;
}

bool options_parse(struct options *options, const struct command *command, int count, char **words) {
    *options = (struct options){0};
    for (int i = 0; i < count; i++) {
        char *word = words[i];
        if (strncmp(word, "--", 2) != 0) {
            if (options->argument_count == command->arguments)
                return wrong("unexpected argument: ", word, "");
            options->arguments[options->argument_count++] = word;
            continue;
        }
        char *name = word + 2, *equals = strchr(name, '=');
        if (equals)
            *equals = '\0';
        bool takes_value;
        if (!flag_find(common_flags, slice_of(name), &takes_value) &&
            !flag_find(command->flags, slice_of(name), &takes_value))
            return wrong("unknown flag: --", name, "");
        char *value = equals ? equals + 1 : takes_value && i + 1 < count ? words[++i] : NULL;
        if (takes_value != (value != NULL))
            return wrong("--", name, takes_value ? " needs a value" : " takes no value");
        if (!option_add(options, name, value))
            return false;
    }
    if (options->argument_count < command->arguments && !command->arguments_optional && !option_is_set(options, "help"))
        return wrong("an argument is missing", "", "");
    return true;
}

const char *option_get(const struct options *options, const char *name) {
    for (size_t i = options->count; i--;)
        if (strcmp(options->list[i].name, name) == 0)
            return options->list[i].value;
    return NULL;
}

bool option_is_set(const struct options *options, const char *name) {
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->list[i].name, name) == 0)
            return true;
    return false;
}

struct slice options_join(struct arena *arena, const struct options *options, const char *name) {
    struct buffer joined = buffer_in(arena);
    for (size_t i = 0; i < options->count; i++) {
        if (strcmp(options->list[i].name, name) != 0)
            continue;
        if (joined.len)
            buffer_add_byte(&joined, ' ');
        buffer_add_text(&joined, options->list[i].value);
    }
    return buffer_slice(&joined);
}

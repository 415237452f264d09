/* Each setting means the same as a flag, in the environment and in the settings file, and the first of them wins. */
#include "../../engine/cli/settings.c"

#include "../unit/unit.h"
#include "base/buffer.h"

#include <ctype.h>
#include <locale.h>

static struct arena arena;
static char directory[64], file[96];
static struct slice why;

/* Only `text` in the settings file. */
static void file_write(const char *text) {
    FILE *out = fopen(file, "w");
    fprintf(out, "return { %s }\n", text);
    fclose(out);
}

static struct command_line line_new(void) {
    struct command_line line = {.arena = &arena};
    line.options.list[line.options.count++] = (struct option){"config", file};
    return line;
}

static const char *flag_of(const char *name) {
    char *flag = arena_alloc(&arena, strlen(name) + 1);
    for (size_t i = 0; i <= strlen(name); i++)
        flag[i] = name[i] == '_' ? '-' : name[i];
    return flag;
}

static const char *variable_of(const char *name) {
    char *variable = arena_alloc(&arena, strlen(name) + 11);
    strcpy(variable, "MOONLATCH_");
    for (size_t i = 0; i <= strlen(name); i++)
        variable[10 + i] = (char)toupper((unsigned char)name[i]);
    return variable;
}

/* Two values that every rule takes, as the command line writes them. */
static const char *text_of(const struct setting *setting, bool second) {
    if (setting->kind == SETTING_SWITCH)
        return second ? "false" : "true";
    if (setting->kind == SETTING_NUMBER)
        return second ? "7" : "5";
    if (strcmp(setting->name, "issuer") == 0)
        return second ? "https://b.example" : "https://a.example";
    if (strcmp(setting->name, "log_level") == 0)
        return second ? "error" : "warn";
    if (strcmp(setting->name, "policies") == 0)
        return second ? MOONLATCH_HOME "/policies/." : MOONLATCH_HOME "/policies";
    return second ? "second" : "first";
}

static bool is_set(const struct setting *setting, const struct settings *settings, const char *text) {
    const void *field = (const char *)settings + setting->offset;
    switch (setting->kind) {
    case SETTING_TEXT:
        return *(const char *const *)field && strcmp(*(const char *const *)field, text) == 0;
    case SETTING_SLICE:
        return slice_is(*(const struct slice *)field, text);
    case SETTING_SWITCH:
        return *(const bool *)field == (strcmp(text, "true") == 0);
    default:
        return *(const int64_t *)field == strtoll(text, NULL, 10);
    }
}

static const char *in_file(const struct setting *setting, const char *text) {
    bool is_word = setting->kind == SETTING_SWITCH || setting->kind == SETTING_NUMBER;
    return arena_printf(&arena, is_word ? "%s = %s" : "%s = \"%s\"", setting->name, text).at;
}

/* TLS takes both of its files. */
static void companion_add(struct command_line *line, const struct setting *setting) {
    const char *other = strcmp(setting->name, "tls_cert") == 0  ? "tls-key"
                        : strcmp(setting->name, "tls_key") == 0 ? "tls-cert"
                                                                : NULL;
    if (other)
        line->options.list[line->options.count++] = (struct option){other, "other"};
}

static bool reads(const struct setting *setting, const char *flag, const char *variable, const char *in_settings,
                  const char *expected) {
    struct command_line line = line_new();
    companion_add(&line, setting);
    if (flag)
        line.options.list[line.options.count++] =
            (struct option){flag_of(setting->name), setting->kind == SETTING_SWITCH ? NULL : flag};
    if (variable)
        setenv(variable_of(setting->name), variable, 1);
    file_write(in_settings ? in_file(setting, in_settings) : "");
    bool is_read = settings_read(&line, &why);
    unsetenv(variable_of(setting->name));
    return is_read && is_set(setting, &line.settings, expected);
}

static void every_setting_is_read_from_everywhere(void) {
    for (size_t i = 0; i < SETTINGS_WITH_NAMES; i++) {
        const struct setting *setting = &settings_with_names[i];
        const char *one = text_of(setting, false), *two = text_of(setting, true);
        if (strcmp(setting->name, "config") == 0)
            continue; /* it is how all the others are read here */
        bool is_good =
            reads(setting, one, two, setting->is_before_file ? NULL : two, one) &&
            reads(setting, NULL, one, setting->is_before_file ? NULL : two, one) &&
            reads(setting, NULL, two, setting->is_before_file ? NULL : one, two) &&
            (setting->is_before_file || (reads(setting, NULL, NULL, one, one) && reads(setting, NULL, NULL, two, two) &&
                                         reads(setting, NULL, "", one, one)));
        if (!is_good)
            printf("# %s: %.*s\n", setting->name, SLICE_ARG(why));
        CHECK(is_good);
    }
}

static void switches_are_read_in_one_way(void) {
    static const char *const on[] = {"1", "true", "on", "yes"}, *const off[] = {"0", "false", "off", "no"};
    static const char *const neither[] = {"2", "TRUE", "maybe", " 1", "-1", "01"};
    for (size_t i = 0; i < SETTINGS_WITH_NAMES; i++) {
        const struct setting *setting = &settings_with_names[i];
        if (setting->kind != SETTING_SWITCH)
            continue;
        for (size_t j = 0; j < 4; j++) {
            CHECK(reads(setting, NULL, on[j], "false", "true"));
            CHECK(reads(setting, NULL, off[j], "true", "false"));
        }
        for (size_t j = 0; j < sizeof(neither) / sizeof(*neither); j++) {
            CHECK(!reads(setting, NULL, neither[j], NULL, "true") && !reads(setting, NULL, neither[j], NULL, "false"));
            CHECK(slice_starts(why, arena_printf(&arena, "the setting %s must be true or false", setting->name).at));
        }
    }
}

static void numbers_are_whole(void) {
    static const char *const bad[] = {"0", "257", "-1", "+4", "4x", " 4", "0x4", "99999999999999999999", "4.0"};
    for (size_t i = 0; i < SETTINGS_WITH_NAMES; i++)
        for (size_t j = 0; settings_with_names[i].kind == SETTING_NUMBER && j < sizeof(bad) / sizeof(*bad); j++)
            CHECK(!reads(&settings_with_names[i], NULL, bad[j], NULL, bad[j]));
}

static void seventeen_addresses_are_too_many(void) {
    for (size_t count = 1; count <= LISTEN_MAX + 1; count++) {
        struct command_line line = line_new();
        struct buffer variable = buffer_in(&arena), listed = buffer_in(&arena);
        buffer_add_text(&listed, "listen = {");
        for (size_t i = 0; i < count; i++) {
            line.options.list[line.options.count++] = (struct option){"listen", "127.0.0.1:0"};
            buffer_add_text(&variable, " 127.0.0.1:0 ");
            buffer_add_text(&listed, "\"127.0.0.1:0\", ");
        }
        buffer_add_text(&listed, "}");
        bool fits = count <= LISTEN_MAX;
        file_write("");
        CHECK(settings_read(&line, &why) == fits && (!fits || line.settings.listen_count == count));
        struct command_line by_variable = line_new();
        setenv("MOONLATCH_LISTEN", arena_string(&arena, buffer_slice(&variable)), 1);
        CHECK(settings_read(&by_variable, &why) == fits && (!fits || by_variable.settings.listen_count == count));
        unsetenv("MOONLATCH_LISTEN");
        struct command_line by_file = line_new();
        file_write(arena_string(&arena, buffer_slice(&listed)));
        CHECK(settings_read(&by_file, &why) == fits && (!fits || by_file.settings.listen_count == count));
    }
}

/* Each number of limits and lifetimes, at both ends of its range and behind them. */
static void every_number_has_its_range(void) {
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        const struct number *number = &numbers[i];
        const int64_t tried[] = {number->min, number->max, number->min - 1, number->max + 1};
        for (size_t j = 0; j < 4; j++) {
            struct command_line line = line_new();
            file_write(arena_printf(&arena, "%s = { %s = %lld }", number->group, number->name, (long long)tried[j]).at);
            bool is_read = settings_read(&line, &why);
            CHECK(is_read == (j < 2));
            CHECK(!is_read || *(int64_t *)(void *)((char *)&line.settings + number->offset) == tried[j]);
        }
    }
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    arena_init(&arena);
    for (size_t i = 0; i < SETTINGS_WITH_NAMES; i++)
        unsetenv(variable_of(settings_with_names[i].name));
    unsetenv("MOONLATCH_LISTEN");
    strcpy(directory, "/tmp/moonlatch-settings-XXXXXX");
    if (!mkdtemp(directory))
        return 1;
    snprintf(file, sizeof(file), "%s/settings.lua", directory);
    RUN(every_setting_is_read_from_everywhere);
    RUN(switches_are_read_in_one_way);
    RUN(numbers_are_whole);
    RUN(seventeen_addresses_are_too_many);
    RUN(every_number_has_its_range);
    unlink(file);
    rmdir(directory);
    arena_free(&arena);
    return unit_end();
}

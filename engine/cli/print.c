#include "cli/command.h"

#include "base/json.h"
#include "base/utf8.h"

/* One cell of a row: what others wrote neither moves the cursor nor ends the cell. */
static void add_cell(struct buffer *out, const struct value *value) {
    const char *separator = "";
    switch (value->kind) {
    case VALUE_TEXT:
        utf8_add_escaped(out, value->text, false);
        return;
    case VALUE_LIST:
        for (const struct value *item = value->first; item; item = item->next) {
            buffer_add_text(out, separator);
            add_cell(out, item);
            separator = " ";
        }
        return;
    case VALUE_NULL:
        buffer_add_byte(out, '-');
        return;
    default:
        json_write(out, value);
    }
}

/* Without what is absent; of a list of maps a line for each. */
static void add_lines(struct buffer *out, const struct value *map) {
    for (const struct value *member = map->first; member; member = member->next) {
        bool is_spread = member->kind == VALUE_LIST && member->first && member->first->kind == VALUE_MAP;
        for (const struct value *one = is_spread ? member->first : member; one; one = is_spread ? one->next : NULL) {
            if (one->kind == VALUE_NULL)
                continue;
            buffer_printf(out, "%.*s: ", SLICE_ARG(member->name));
            add_cell(out, one);
            buffer_add_byte(out, '\n');
        }
    }
}

void print_result(const struct command_line *line, const struct value *result) {
    struct buffer out = buffer_in(line->arena);
    if (option_is_set(&line->options, "json")) {
        json_write(&out, result);
        buffer_add_byte(&out, '\n');
    } else if (result->kind == VALUE_MAP) {
        for (const struct value *member = result->first; member; member = member->next) {
            buffer_printf(&out, "%.*s: ", SLICE_ARG(member->name));
            add_cell(&out, member);
            buffer_add_byte(&out, '\n');
        }
    } else if (line->prints_blocks) {
        for (const struct value *item = result->first; item; item = item->next) {
            add_lines(&out, item);
            if (item->next)
                buffer_add_byte(&out, '\n');
        }
    } else {
        for (const struct value *item = result->first; item; item = item->next) {
            for (const struct value *member = item->first; member; member = member->next) {
                add_cell(&out, member);
                buffer_add_byte(&out, member->next ? '\t' : '\n');
            }
        }
    }
    if (out.len)
        fwrite(out.at, 1, out.len, stdout);
    fflush(stdout);
}

void print_lines(FILE *file, struct slice text) {
    struct arena arena;
    arena_init(&arena);
    struct buffer out = buffer_in(&arena);
    utf8_add_escaped(&out, text, true);
    fprintf(file, "%.*s\n", SLICE_ARG(buffer_slice(&out)));
    arena_free(&arena);
}

int refuse(struct slice why) {
    fputs("moonlatch: ", stderr);
    print_lines(stderr, why);
    return EXIT_REFUSED;
}

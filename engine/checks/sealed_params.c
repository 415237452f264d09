#include "checks/sealed_params.h"

struct value *params_to_value(struct arena *arena, const struct params *params, const char *but) {
    struct value *list = value_list(arena);
    for (size_t i = 0; i < params->count; i++) {
        if (but && slice_is(params->list[i].name, but))
            continue;
        struct value *pair = value_list(arena);
        value_append_text(arena, pair, params->list[i].name);
        value_append_text(arena, pair, params->list[i].value);
        value_append(list, pair);
    }
    return list;
}

static bool is_pair_of_texts(const struct value *pair) {
    return pair->kind == VALUE_LIST && pair->count == 2 && pair->first->kind == VALUE_TEXT &&
           pair->last->kind == VALUE_TEXT;
}

bool params_from_value(struct arena *arena, const struct value *list, struct params *params) {
    *params = (struct params){0};
    if (!list || list->kind != VALUE_LIST)
        return false;
    params->list = arena_alloc(arena, (list->count + 1) * sizeof(*params->list));
    for (const struct value *pair = list->first; pair; pair = pair->next) {
        if (!is_pair_of_texts(pair))
            return false;
        params->list[params->count++] = (struct param){pair->first->text, pair->last->text};
    }
    return true;
}

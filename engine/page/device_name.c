#include "page/device_name.h"

struct mark {
    const char *mark, *name;
};

/* Browsers name those that they want to be taken for behind themselves: the first that fits is meant. */
static const struct mark browsers[] = {
    {"Edg", "Edge"},         {"OPR/", "Opera"},         {"SamsungBrowser/", "Samsung Internet"},
    {"Vivaldi/", "Vivaldi"}, {"Firefox/", "Firefox"},   {"FxiOS/", "Firefox"},
    {"CriOS/", "Chrome"},    {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
    {"Safari/", "Safari"},   {"curl/", "curl"},         {NULL, NULL},
};

static const struct mark systems[] = {
    {"iPhone", "iPhone"},   {"iPad", "iPad"},      {"Android", "Android"}, {"CrOS", "ChromeOS"},
    {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},     {NULL, NULL},
};

static const char *first_of(const struct mark *marks, struct slice text) {
    for (; marks->mark; marks++)
        if (memmem(text.at, text.len, marks->mark, strlen(marks->mark)))
            return marks->name;
    return NULL;
}

struct device_name device_name_of(struct slice user_agent) {
    if (!user_agent.len)
        return (struct device_name){0};
    return (struct device_name){first_of(browsers, user_agent), first_of(systems, user_agent)};
}

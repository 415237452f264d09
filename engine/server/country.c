#include "server/country.h"

#include <maxminddb.h>
#include <stdlib.h>

struct countries {
    MMDB_s database;
};

struct countries *countries_open(struct arena *arena, const char *path, struct slice *error) {
    struct countries *countries = calloc(1, sizeof(*countries));
    if (!countries)
        abort();
    int status = MMDB_open(path, MMDB_MODE_MMAP, &countries->database);
    if (status == MMDB_SUCCESS)
        return countries;
    *error = arena_printf(arena, "the country database %s cannot be read: %s.", path, MMDB_strerror(status));
    free(countries);
    return NULL;
}

void countries_close(struct countries *countries) {
    if (!countries)
        return;
    MMDB_close(&countries->database);
    free(countries);
}

struct slice country_of(const struct countries *countries, struct slice address) {
    enum { ADDRESS_MAX = 64 };
    char text[ADDRESS_MAX];
    if (!countries || !address.len || address.len >= sizeof(text))
        return SLICE_NONE;
    memcpy(text, address.at, address.len);
    text[address.len] = '\0';
    int not_numeric, status;
    MMDB_lookup_result_s found = MMDB_lookup_string(&countries->database, text, &not_numeric, &status);
    MMDB_entry_data_s code;
    if (not_numeric || status != MMDB_SUCCESS || !found.found_entry ||
        MMDB_get_value(&found.entry, &code, "country", "iso_code", NULL) != MMDB_SUCCESS || !code.has_data ||
        code.type != MMDB_DATA_TYPE_UTF8_STRING || code.data_size != 2)
        return SLICE_NONE;
    return (struct slice){code.utf8_string, code.data_size};
}

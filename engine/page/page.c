#include "page/page.h"

#include "base/utf8.h"
#include "page/brand.h"
#include "page/page_files.h"
#include "page/template.h"

#include <sodium.h>
#include <stdlib.h>

enum { VERSION_BYTES = 6, RENDERED_BYTES = 8192 };

struct page {
    struct slice name;
    struct program program;
};

struct asset_file {
    struct slice name;
    struct asset asset;
};

struct pages {
    struct arena arena; /* holds all that follows, the files' text too */
    struct page *pages;
    size_t page_count;
    struct asset_file *assets;
    size_t asset_count;
    struct languages *languages;
    struct brand brand;
};

/* clang-format off */
static const char *const required_pages[] = {
    "login", "consent", "form_post", "device", "error", "logout", "signed_in", "signed_out", "home",
    "account", "account_sessions", "account_connected", "account_apps", "account_app", "account_app_secret",
    "account_keys", "account_passkeys", "account_directory", "second_factor",
    "admin", "admin_numbers", "admin_users", "admin_user", "admin_apps", "admin_app", "admin_audit",
};
/* clang-format on */

static bool is_required(struct slice name) {
    for (size_t i = 0; i < sizeof(required_pages) / sizeof(*required_pages); i++)
        if (slice_is(name, required_pages[i]))
            return true;
    return false;
}

static const char *media_type_of(struct slice name) {
    static const struct {
        const char *suffix, *media_type;
    } types[] = {
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        size_t len = strlen(types[i].suffix);
        if (name.len > len && slice_is_nocase(slice_from(name, name.len - len), types[i].suffix))
            return types[i].media_type;
    }
    return "application/octet-stream";
}

static struct slice version_of(struct arena *arena, struct slice bytes) {
    unsigned char hash[crypto_generichash_BYTES];
    char hex[2 * VERSION_BYTES + 1];
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)bytes.at, bytes.len, NULL, 0);
    return arena_copy(arena, slice_of(sodium_bin2hex(hex, sizeof(hex), hash, VERSION_BYTES)));
}

static bool load_assets(struct pages *pages, const struct pages_from *from, struct slice *error) {
    struct arena *arena = &pages->arena;
    struct page_file *files;
    if (!page_files_over(arena, from->shipped, from->own, "/assets", "", &files, &pages->asset_count, error))
        return false;
    pages->assets = arena_zalloc(arena, (pages->asset_count + 1) * sizeof(*pages->assets));
    for (size_t i = 0; i < pages->asset_count; i++) {
        pages->assets[i].name = files[i].name;
        if (slice_is(files[i].name, "style.css"))
            files[i].bytes = brand_style(arena, files[i].bytes, &from->brand);
        pages->assets[i].asset =
            (struct asset){files[i].bytes, media_type_of(files[i].name), version_of(arena, files[i].bytes)};
    }
    return true;
}

/* A NUL or a byte that is no UTF-8 is shown with its line: an editor may hide it. */
static bool check_text(struct arena *arena, const struct page_file *file, struct slice *error) {
    struct slice rest = file->bytes;
    for (unsigned line = 1; rest.len;) {
        uint32_t rune = 0;
        size_t len = utf8_next(rest, &rune);
        if (!len || !rune) {
            *error = arena_printf(arena, "%.*s:%u: not UTF-8 text", SLICE_ARG(file->path), line);
            return false;
        }
        line += rune == '\n';
        rest = slice_from(rest, len);
    }
    return true;
}

static bool parse_all(struct arena *arena, const struct pages_from *from, struct template ***set, size_t *count,
                      struct slice *error) {
    struct page_file *files;
    if (!page_files_over(arena, from->shipped, from->own, "", ".html", &files, count, error))
        return false;
    *set = arena_alloc(arena, (*count + 1) * sizeof(**set));
    for (size_t i = 0; i < *count; i++) {
        struct slice name = {files[i].name.at, files[i].name.len - strlen(".html")}, text = files[i].bytes;
        if (!check_text(arena, &files[i], error))
            return false;
        if (slice_starts(text, "\xef\xbb\xbf")) /* a byte order mark would put browsers at odds with the loader */
            text = slice_from(text, 3);
        (*set)[i] = template_parse(arena, name, files[i].path, text, error);
        if (!(*set)[i])
            return false;
    }
    return true;
}

static const struct page *find_page(const struct pages *pages, const char *name) {
    for (size_t i = 0; i < pages->page_count; i++)
        if (slice_is(pages->pages[i].name, name))
            return &pages->pages[i];
    return NULL;
}

static bool load_pages(struct pages *pages, const struct pages_from *from, struct slice *error) {
    struct arena *arena = &pages->arena;
    struct template **set;
    size_t count;
    if (!parse_all(arena, from, &set, &count, error))
        return false;
    template_mark_included(set, count);
    pages->pages = arena_zalloc(arena, (count + 1) * sizeof(*pages->pages));
    for (size_t i = 0; i < count; i++) {
        if (set[i]->is_included && !is_required(set[i]->name))
            continue; /* it may begin in the middle of a tag: it is checked where it is put in */
        struct page *page = &pages->pages[pages->page_count++];
        page->name = set[i]->name;
        if (!template_link(arena, set, count, set[i], &page->program, error))
            return false;
    }
    for (size_t i = 0; i < sizeof(required_pages) / sizeof(*required_pages); i++)
        if (!find_page(pages, required_pages[i])) {
            *error = arena_printf(arena, "%s/%s.html:1: this page is missing", from->own, required_pages[i]);
            return false;
        }
    return true;
}

static bool load_languages(struct pages *pages, const struct pages_from *from, struct slice *error) {
    struct page_file *shipped = NULL, *own = NULL;
    size_t shipped_count = 0, own_count = 0;
    struct arena *arena = &pages->arena;
    bool are_two = strcmp(from->shipped, from->own) != 0;
    if (!page_files_read(arena, arena_printf(arena, "%s/texts", from->shipped).at, ".lua", false, &shipped,
                         &shipped_count, error) ||
        (are_two && !page_files_read(arena, arena_printf(arena, "%s/texts", from->own).at, ".lua", false, &own,
                                     &own_count, error)))
        return false;
    struct page_file *all = arena_alloc(arena, (shipped_count + own_count + 1) * sizeof(*all));
    for (size_t i = 0; i < shipped_count + own_count; i++)
        all[i] = i < shipped_count ? shipped[i] : own[i - shipped_count];
    return (pages->languages = languages_read(arena, all, shipped_count + own_count, error)) != NULL;
}

static struct brand brand_copy(struct arena *arena, const struct brand *brand) {
    return (struct brand){
        .name = arena_copy(arena, brand->name),
        .logo = arena_copy(arena, brand->logo),
        .accent = arena_copy(arena, brand->accent),
        .accent_dark = arena_copy(arena, brand->accent_dark),
    };
}

struct pages *pages_open(struct arena *arena, const struct pages_from *from, struct slice *error) {
    struct pages *pages = calloc(1, sizeof(*pages));
    if (!pages)
        abort(); /* as the arena does */
    arena_init(&pages->arena);
    struct slice problem = SLICE_NONE;
    pages->brand = brand_copy(&pages->arena, &from->brand);
    if (load_pages(pages, from, &problem) && load_assets(pages, from, &problem) &&
        load_languages(pages, from, &problem))
        return pages;
    *error = arena_copy(arena, problem);
    pages_close(pages);
    return NULL;
}

void pages_close(struct pages *pages) {
    if (!pages)
        return;
    arena_free(&pages->arena);
    free(pages);
}

const struct brand *pages_brand(const struct pages *pages) {
    return &pages->brand;
}

const struct languages *pages_languages(const struct pages *pages) {
    return pages->languages;
}

struct slice page_render(const struct pages *pages, struct arena *arena, const char *name, const struct value *context,
                         const struct language *language) {
    struct buffer buffer = buffer_in(arena);
    const struct page *page = find_page(pages, name);
    if (page) {
        buffer_reserve(&buffer, RENDERED_BYTES);
        template_render(&page->program, &buffer, context, language);
    }
    return buffer_slice(&buffer);
}

bool pages_asset(const struct pages *pages, struct slice name, struct asset *asset) {
    for (size_t i = 0; i < pages->asset_count; i++)
        if (slice_equal(pages->assets[i].name, name)) {
            *asset = pages->assets[i].asset;
            return true;
        }
    return false;
}

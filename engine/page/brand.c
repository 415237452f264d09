#include "page/brand.h"

#include "base/buffer.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

struct slice brand_name(const struct value *branding) {
    struct slice name = branding ? value_get_text(branding, "name") : SLICE_NONE;
    return slice_is_set(name) ? name : SLICE("Moonlatch");
}

bool colour_is_valid(struct slice colour) {
    if (colour.len != 7 || colour.at[0] != '#')
        return false;
    for (size_t i = 1; i < colour.len; i++)
        if (!isxdigit((unsigned char)colour.at[i]))
            return false;
    return true;
}

/* WCAG 2.2: relative luminance of an sRGB colour, 0 (black) to 1 (white). */
static double luminance_of(struct slice colour) {
    static const double weights[] = {0.0722, 0.7152, 0.2126}; /* blue, green, red */
    char digits[7] = "";
    memcpy(digits, colour.at + 1, 6);
    unsigned long rgb = strtoul(digits, NULL, 16);
    double sum = 0;
    for (int i = 0; i < 3; i++, rgb >>= 8) {
        double part = (double)(rgb & 255) / 255;
        sum += weights[i] * (part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static void add_accent(struct buffer *css, struct slice accent, const char *page) {
    enum { OVER_PERCENT = 85, TINT_PERCENT = 14 };
    double luminance = luminance_of(accent);
    bool is_dark = 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05; /* white has more contrast on it */
    buffer_printf(css,
                  "  --accent: %.*s;\n  --accent-over: color-mix(in srgb, %.*s %d%%, %s);\n"
                  "  --on-accent: %s;\n  --tint: color-mix(in srgb, %.*s %d%%, %s);\n",
                  SLICE_ARG(accent), SLICE_ARG(accent), OVER_PERCENT, is_dark ? "black" : "white",
                  is_dark ? "#ffffff" : "#000000", SLICE_ARG(accent), TINT_PERCENT, page);
}

struct slice brand_style(struct arena *arena, struct slice sheet, const struct brand *brand) {
    struct buffer css = buffer_in(arena);
    buffer_add(&css, sheet);
    if (slice_is_set(brand->accent)) {
        buffer_add_text(&css, "\n:root {\n");
        add_accent(&css, brand->accent, "white");
        buffer_add_text(&css, "}\n");
    }
    struct slice dark = slice_is_set(brand->accent_dark) ? brand->accent_dark : brand->accent;
    if (slice_is_set(dark)) {
        buffer_add_text(&css, "@media (prefers-color-scheme: dark) {\n:root {\n");
        add_accent(&css, dark, "black");
        buffer_add_text(&css, "}\n}\n");
    }
    return buffer_slice(&css);
}

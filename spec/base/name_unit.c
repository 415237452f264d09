#include "../../engine/base/name.c"

#include "../unit/unit.h"

#include <locale.h>

static struct arena arena;

static enum name_fault checked(const char *name) {
    return name_check(name_normal(&arena, slice_of(name)), "_ -.");
}

static void takes_names_of_every_script(void) {
    static const char *const good[] = {
        "Weather",
        "My app 2.0",
        "a_b-c.d",
        "Caf\xc3\xa9",
        "Cafe\xcc\x81",
        "\xe4\xb8\xad\xe6\x96\x87 App" /* Han and Latin */,
        "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88\xe5\xba\x97" /* Katakana and Han */,
        "\xd0\x9f\xd0\xbe\xd0\xb3\xd0\xbe\xd0\xb4\xd0\xb0 API" /* a Cyrillic word and a Latin one */,
        "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
        "\xea\xb0\x80\xeb\x82\x98\xeb\x8b\xa4",
        "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d\xe0\xa4\xa6\xe0\xa5\x80" /* Devanagari, with a virama */,
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        CHECK(checked(good[i]) == NAME_GOOD);
}

static void refuses_what_cannot_be_seen(void) {
    static const char *const hidden[] = {
        "\xe1\x85\x9f\xe1\x85\x9f",
        "a\xe1\x85\xa0"
        "b",
        "\xe3\x85\xa4\xe3\x85\xa4\xe3\x85\xa4",
        "ab\xef\xbe\xa0", /* Hangul fillers */
        "a\xe2\x80\x8b"
        "b",
        "a\xe2\x80\x8d"
        "b",
        "a\xef\xbb\xbf"
        "b",
        "a\xc2\xad"
        "b", /* zero width; soft hyphen */
        "a\xe2\x80\xae"
        "b",
        "a\xe2\x81\xa6"
        "b", /* right-to-left override, isolate */
        "a\xef\xb8\x8f",
        "a\xf3\xa0\x84\x80", /* variation selectors */
        "\xcc\x81\xcc\x82",
        " \xcc\x81x",
        "a \xcc\x81", /* marks without a letter */
        "a\xcd\x8f"
        "b",
        "a\xe2\xa0\x80"
        "b", /* combining grapheme joiner, empty Braille */
        "a\tb",
        "a\nb",
        "a\x7f",
        "a\xff",
        "a<b",
        "a/b",
    };
    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
        CHECK(checked(hidden[i]) == NAME_CHARACTERS);
    static const char *const spaced[] = {" ab", "ab ", "a  b", "a\xe3\x80\x80 b",
                                         "\xc2\xa0"
                                         "ab"};
    for (size_t i = 0; i < sizeof(spaced) / sizeof(*spaced); i++)
        CHECK(checked(spaced[i]) == NAME_SPACES);
    CHECK(checked("...") == NAME_EMPTY && checked("- -") == NAME_EMPTY && checked("") == NAME_EMPTY);
}

static void refuses_letters_of_no_name(void) {
    static const char *const odd[] = {
        "\xe1\xb4\x8d\xe1\xb4\x8f\xe1\xb4\x8f\xc9\xb4" /* small capitals */,
        "\xe1\xb4\x98"
        "aypal",
        "\xf0\x9f\x85\xbc"
        "oon" /* an M in a black box */,
        "\xf0\x9f\x85\x9c"
        "oon" /* in a black circle */,
        "\xe2\xb1\xb3oon" /* turned */,
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
        CHECK(checked(odd[i]) == NAME_CHARACTERS);
    static const char *const good[] = {
        "\xe2\xb4\xb0\xe2\xb5\xa3\xe2\xb5\x93\xe2\xb5\x8d" /* Tifinagh */,
        "\xdf\x92\xdf\x9e\xdf\x8f" /* N'Ko */,
        "\xe3\x80\x87\xe4\xba\x8c" /* a zero among Han */,
        "\xe3\x83\xa9\xe3\x83\xbc\xe3\x83\xa1\xe3\x83\xb3",
        "Stra\xc3\x9f"
        "e",
        "\xc4\xb0stanbul \xc5\x81\xc3\xb3"
        "d\xc5\xba",
        "\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2" /* Thai */,
        "\xe1\x83\xa1\xe1\x83\x90\xe1\x83\xa5" /* Georgian */,
        "\xe1\x8a\xa0\xe1\x88\x9b\xe1\x88\xad" /* Ethiopic */,
        "Vi\xe1\xbb\x87t Nam",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        CHECK(checked(good[i]) == NAME_GOOD);
}

static void refuses_words_of_mixed_scripts(void) {
    static const char *const mixed[] = {
        "P\xd0\xb0ypal" /* Cyrillic a */,
        "G\xce\xbf\xce\xbfgle" /* Greek omicron */,
        "My p\xd0\xb0ypal",
        "\xd0\x9f\xd0\xbe\xd0\xb3oda",
        "e\xcc\x81\xcc\x81\xcc\x81"
        "a" /* a mark again and again */,
        "1\xd9\xa2" /* digits of two kinds */,
        "hi\xcc\x87" /* a dot that lies on the i's own */,
    };
    for (size_t i = 0; i < sizeof(mixed) / sizeof(*mixed); i++)
        CHECK(checked(mixed[i]) == NAME_SCRIPTS);
}

static void keeps_one_form(void) {
    CHECK(slice_is(name_normal(&arena, SLICE("Cafe\xcc\x81")), "Caf\xc3\xa9"));
    CHECK(slice_is(name_normal(&arena, SLICE("\xef\xbc\xb0\xef\xbd\x81y")), "Pay")); /* full width */
    CHECK(slice_is(name_normal(&arena, SLICE("\xef\xac\x81t")), "fit"));             /* a ligature */
    CHECK(slice_is(name_normal(&arena, SLICE("plain")), "plain"));
    char many[NAME_MAX_CHARACTERS * 3 + 4] = "";
    for (int i = 0; i < NAME_MAX_CHARACTERS; i++)
        strcat(many, "\xef\xb7\xba"); /* one character becomes eighteen */
    CHECK(utf8_count(name_normal(&arena, slice_of(many))) == 18 * NAME_MAX_CHARACTERS);
    strcat(many, "\xef\xbd\x81");
    CHECK(slice_is(name_normal(&arena, slice_of(many)), many));
}

static bool look_alike(const char *a, const char *b) {
    return slice_equal(name_look(&arena, slice_of(a)), name_look(&arena, slice_of(b)));
}

static void knows_what_looks_alike(void) {
    CHECK(look_alike("Paypal", "\xd0\xa0\xd0\xb0\xd1\x83\xd1\x80\xd0\xb0l")); /* Cyrillic */
    CHECK(look_alike("Paypal", "PAYPAL") && look_alike("Paypal", "Paypa1") && look_alike("PayPal", "PayPaI"));
    CHECK(look_alike("Modem", "Modern") && look_alike("MODEM", "rnodem") && look_alike("IBM", "lBM"));
    CHECK(look_alike("scope", "\xd1\x95\xd1\x81\xd0\xbe\xd1\x80\xd0\xb5") &&
          look_alike("SCOPE", "\xd1\x95\xd1\x81\xd0\xbe\xd1\x80\xd0\xb5"));
    CHECK(look_alike("G00gle", "Google") && look_alike("Cafe\xcc\x81", "Caf\xc3\xa9"));
    CHECK(!look_alike("Fall", "Fail") && !look_alike("Cafe", "Caf\xc3\xa9") && !look_alike("App 2", "App 3"));
    CHECK(!look_alike("a b", "ab") && !look_alike("a-b", "a_b"));
}

static bool words_look_alike(const char *a, const char *b) {
    return slice_equal(name_look_of_words(&arena, slice_of(a)), name_look_of_words(&arena, slice_of(b)));
}

static void counts_letters_and_digits_alone(void) {
    CHECK(words_look_alike("Paypal", "Pay pal") && words_look_alike("Paypal", "-P.a_y pa1."));
    CHECK(words_look_alike("Mode m", "Moder-n") && words_look_alike("App 2.0", "App 20"));
    CHECK(!words_look_alike("Paypal", "Pay a pal") && !words_look_alike("App 2", "App 22"));
}

static bool people_look_alike(const char *a, const char *b) {
    return slice_equal(name_look_beside_ascii(&arena, slice_of(a)), name_look_beside_ascii(&arena, slice_of(b)));
}

static void trusts_people_with_ascii(void) {
    CHECK(!people_look_alike("arne", "ame") && !people_look_alike("user1", "userl") &&
          people_look_alike("Anna", "anna"));
    CHECK(people_look_alike("scope1", "\xd1\x95\xd1\x81\xd0\xbe\xd1\x80\xd0\xb5"
                                      "1"));
    CHECK(people_look_alike("alice", "\xc9\x91lice") && people_look_alike("alice", "\xef\xbd\x81lice"));
    CHECK(!people_look_alike("jos\xc3\xa9", "jose"));
}

static bool resembles(const char *name, const char *brand) {
    return name_resembles(&arena, slice_of(name), slice_of(brand));
}

static void knows_the_brand(void) {
    CHECK(resembles("Moonlatch", "Moonlatch") && resembles("Moonlatch Support", "Moonlatch"));
    CHECK(resembles("The M00N-latch", "Moonlatch") && resembles("rnoon latch", "Moonlatch"));
    CHECK(resembles("\xd0\x9c\xd0\xbe\xd0\xbenlatch", "Moonlatch") && resembles("Acme Co", "Acme & Co."));
    CHECK(resembles("Go Pro", "go") && !resembles("Google", "go") && !resembles("Moon", "Moonlatch"));
    CHECK(!resembles("Anything", "") && !resembles("Anything", " - "));
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    arena_init(&arena);
    RUN(takes_names_of_every_script);
    RUN(refuses_what_cannot_be_seen);
    RUN(refuses_letters_of_no_name);
    RUN(refuses_words_of_mixed_scripts);
    RUN(keeps_one_form);
    RUN(knows_what_looks_alike);
    RUN(counts_letters_and_digits_alone);
    RUN(trusts_people_with_ascii);
    RUN(knows_the_brand);
    arena_free(&arena);
    return unit_end();
}

#include "../../engine/checks/pkce.c"

#include "../unit/unit.h"

/* RFC 7636 appendix B. */
static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const char challenge[] = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

static void knows_the_rfcs_example(void) {
    CHECK(pkce_verifier_is_valid(slice_of(verifier)));
    CHECK(pkce_challenge_is_valid(slice_of(challenge)));
    CHECK(pkce_matches(slice_of(verifier), slice_of(challenge)));
}

static void refuses_another_verifier(void) {
    CHECK(!pkce_matches(slice_of(challenge), slice_of(challenge))); /* "plain" */
    CHECK(!pkce_matches(slice_of(verifier), slice_of(verifier)));
    CHECK(!pkce_matches(slice_from(slice_of(verifier), 1), slice_of(challenge)));
    CHECK(!pkce_matches(slice_of(verifier), slice_from(slice_of(challenge), 1)));
    CHECK(!pkce_matches(slice_of(verifier), SLICE("")));
}

static void knows_the_lengths_and_characters(void) {
    char text[129];
    memset(text, 'a', sizeof(text));
    CHECK(!pkce_verifier_is_valid((struct slice){text, 42}));
    CHECK(pkce_verifier_is_valid((struct slice){text, 43}));
    CHECK(pkce_verifier_is_valid((struct slice){text, 128}));
    CHECK(!pkce_verifier_is_valid((struct slice){text, 129}));
    CHECK(!pkce_challenge_is_valid((struct slice){text, 42}));
    CHECK(!pkce_challenge_is_valid((struct slice){text, 44}));
    for (const char *bad = " +/=%\n\x80"; *bad; bad++) {
        text[20] = *bad;
        CHECK(!pkce_verifier_is_valid((struct slice){text, 43}));
        CHECK(!pkce_challenge_is_valid((struct slice){text, 43}));
    }
    text[20] = '\0';
    CHECK(!pkce_verifier_is_valid((struct slice){text, 43}));
    text[20] = '~';
    CHECK(pkce_verifier_is_valid((struct slice){text, 43}));
    CHECK(!pkce_challenge_is_valid((struct slice){text, 43}));
}

int main(void) {
    RUN(knows_the_rfcs_example);
    RUN(refuses_another_verifier);
    RUN(knows_the_lengths_and_characters);
    return unit_end();
}

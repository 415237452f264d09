/* --demo: an empty state gets a user and an app to try with. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include "cli/command.h"

/* The demo app's client_id is fixed, so that the page / finds it. */
#define DEMO_CLIENT_ID "cid_moonlatchdemo00000000000"

/* Makes them when there is no user yet, and prints the demo user's fingerprint (once, on stdout). False with
 * *error. */
bool demo_prepare(struct workplace *workplace, struct slice *error);

#endif

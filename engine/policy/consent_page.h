/* What a shape cannot say of a consent page: it names all that an answer to it gives. */
#ifndef POLICY_CONSENT_PAGE_H
#define POLICY_CONSENT_PAGE_H

#include "policy/policy.h"

/* The fault of a page for these facts: a requested scope that it hides, or names twice, so that nobody can say what its
 * box means. Absent: none. */
struct slice consent_page_fault(struct arena *arena, const struct value *page, const struct value *facts);

#endif

/* A brand's colours, as the end of the pages' style sheet. */
#ifndef PAGE_BRAND_H
#define PAGE_BRAND_H

#include "page/page.h"

/* What the settings' `branding` (NULL: there is none) says that we are called. */
struct slice brand_name(const struct value *branding);

/* "#rrggbb" */
bool colour_is_valid(struct slice colour);

/* The sheet with the brand's accent laid over its own, for light and dark: with what stands on it black or white,
 * whichever is read better (WCAG 2.2, relative luminance). The sheet itself when the brand has no colours. */
struct slice brand_style(struct arena *arena, struct slice sheet, const struct brand *brand);

#endif

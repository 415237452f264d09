/* What people call the device behind a User-Agent header (RFC 9110 §10.1.5): a guess that helps them to recognise their
 * own. Nothing is decided by it. */
#ifndef PAGE_DEVICE_NAME_H
#define PAGE_DEVICE_NAME_H

#include "base/slice.h"

struct device_name {
    const char *browser, *system; /* "Firefox", "Linux"; NULL: not known */
};

struct device_name device_name_of(struct slice user_agent);

#endif

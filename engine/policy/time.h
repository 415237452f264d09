/* How long each function of the policies takes: a histogram of all threads. */
#ifndef POLICY_TIME_H
#define POLICY_TIME_H

#include "policy/declared.h"

void policy_time_observe(enum policy_function function, int64_t took_ns);

#endif

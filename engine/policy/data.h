/* Lua files that only hold data: a table, its texts and numbers, and what can be made of them without any function. */
#ifndef POLICY_DATA_H
#define POLICY_DATA_H

#include "base/value.h"

/* Runs the text (UTF-8 Lua, no bytecode) in an empty environment within a budget and returns its result, in `arena`;
 * NULL with *error "label:line: what". `label` is what the messages call the file. */
struct value *policy_data_read(struct arena *arena, struct slice text, struct slice label, struct slice *error);

#endif

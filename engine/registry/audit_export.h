/* Rows of the audit log as files: CSV (RFC 4180) and JSON Lines. */
#ifndef REGISTRY_AUDIT_EXPORT_H
#define REGISTRY_AUDIT_EXPORT_H

#include "base/buffer.h"
#include "store/store.h"

/* A header and a line each, with CRLF. Controls are escaped (utf8_add_escaped), and what a spreadsheet would take for a
 * formula (a cell that begins with = + - @) gets a ' in front. */
void audit_csv_write(struct buffer *text, const struct rows *rows);
/* An object a line; its decisions are JSON again. */
void audit_jsonl_write(struct buffer *text, const struct rows *rows);

/* One cell, quoted where it has to be. */
void csv_cell_write(struct buffer *text, struct slice cell);

#endif

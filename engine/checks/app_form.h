/* An app in an HTML form. A form has no types: it becomes the JSON body that the API takes (checks/app_rules.h), so
 * that both are checked by the same rules. */
#ifndef CHECKS_APP_FORM_H
#define CHECKS_APP_FORM_H

#include "server/response.h"

/* The form's fields as a body: a text that is empty is null; lists are lines, or boxes that are ticked; a box that is
 * not ticked is false. What the form does not have (jwks, active) stays out. */
struct value *app_form_read(struct request *request);

/* For the template: the fields of that body, or of an app (app_json), as texts and choices. */
void app_form_show(struct request *request, struct value *context, const struct value *app);

/* Adds `problems` ({ field, message }) or `error` (a sentence) for what went wrong. */
void app_form_show_error(struct request *request, struct value *context, enum error error);

#endif

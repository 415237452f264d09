-- What the operator wrote.
return {
  { "engine/cli/settings.c", "if (settings->listen_count == LISTEN_MAX) {", "if (0) {", "cli/settings_unit" },
  { "engine/cli/settings.c", "return value && *value ? value : NULL;", "return value;", "cli/settings_unit" },
  { "engine/cli/settings.c", "*is_on = on;", "*is_on = true;", "cli/settings_unit" },
  { "engine/cli/settings.c", "|| given->integer < number->min ||", "||", "cli/settings_unit" },
  { "engine/cli/print.c", "utf8_add_escaped(out, value->text, false);", "buffer_add(out, value->text);", "http/names_spec" },
  { "engine/cli/print.c", "utf8_add_escaped(&out, text, true);", "buffer_add(&out, text);", "http/names_spec" },
}

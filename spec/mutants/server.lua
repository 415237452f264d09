-- The wire: what is bounded before anybody looks at it, and what must not be removed.
return {
  { "engine/server/http2_guard.c", "if (meter->abandoned >= HTTP2_ABANDONED_MAX)", "if (0)", "http/rapid_reset_spec" },
  { "engine/server/http2_guard.c", "meter->block_bytes > HTTP2_BLOCK_MAX || meter->block.fields > HTTP2_FIELDS_MAX;", "0;", "http/bombs_spec" },
  { "engine/server/control_ask.c", "if (error == ECONNREFUSED)\n            unlink(path);", "unlink(path);", "policy/reload_spec" },
  { "engine/server/control_ask.c", "if (length < 0 || (size_t)length >= sizeof(address.sun_path))", "if (0)", "policy/reload_spec" },
  { "engine/server/exchange.c", "if (target.len > PATH_LEN_MAX) {", "if (0) {", "http/hostile_input_spec" },
  { "engine/server/request.c", "if (params->count == PARAMS_MAX) {", "if (params->count > PARAMS_MAX) {", "http/hostile_input_spec" },
}

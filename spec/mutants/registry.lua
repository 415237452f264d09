-- What strangers can make the store keep, and names that look alike.
return {
  { "engine/registry/ceilings.c", "NETWORK_PREFIX6 = 48", "NETWORK_PREFIX6 = 64", "registry/ceilings_unit" },
  { "engine/registry/ceilings.c", "wait_s = total_take(&total, most * REGISTERING_NETWORKS);", "wait_s = 0;", "registry/ceilings_unit" },
  { "engine/registry/ceilings.c", "wait_s = take(PROOF_OWNER, whose, most, MINUTE_S);", "wait_s = 0;", "registry/ceilings_unit" },
  { "engine/registry/ceilings.c", "if (!is_common && !network_take(", "if (!network_take(", "registry/ceilings_unit" },
  { "engine/registry/ceilings.c", "!take(APP, app, most_of_app, TEN_MINUTES_S) && ", "", "registry/ceilings_unit" },
  { "engine/registry/ceilings.c", " && !total_take(&more, most_more);", ";", "registry/ceilings_unit" },
  { "engine/registry/ceilings.c", " && !total_take(&first, most_first))", ")", "registry/ceilings_unit" },
  { "engine/registry/looks.c", "return name_look_beside_ascii(arena, username);", "return name_look(arena, username);", "http/names_spec" },
  { "engine/registry/looks.c", "has_more = has_more || rows->count == FILL_ROWS_MAX;", "has_more = false;", "registry/looks_unit" },
  { "engine/registry/readiness.c", "if (shared.found_ms && clock_monotonic_ms() < shared.found_ms + FRESH_MS) {", "if (0) {", "server/readiness_spec" },
  { "engine/registry/readiness.c", "if (shared.is_trying)", "if (0)", "server/readiness_spec" },
  { "engine/registry/readiness.c", "} else if (llabs(finding.skew_ms) > request->service->settings->code_s * 1000) {", "} else if (0) {", "postgres/several_servers_spec" },
  { "engine/registry/readiness.c", "if (llabs(skew_ms) <= SKEW_TOLD_MS ||", "if (", "postgres/several_servers_spec" },
  { "engine/registry/logout.c", "if (sessions->count == 0)", "if (0)", "postgres/several_servers_spec" },
}

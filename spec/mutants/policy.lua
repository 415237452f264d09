-- The sandbox, the shapes of decisions, and that they are obeyed.
return {
  { "engine/policy/chunk.c", 'chunk, "t") != 0)', 'chunk, "bt") != 0)', "policy/sandbox_unit policy/chunk_unit" },
  { "engine/policy/sandbox.c", "!lua_istable(L, -1) || lua_getmetatable(L, -1)", "!lua_istable(L, -1)", "policy/sandbox_unit" },
  { "engine/policy/vm.c", "if (size > vm->block_bytes) {", "if (0) {", "policy/sandbox_unit" },
  { "engine/policy/vm.c", "if (vm->used_bytes - old_size + size > cap) {", "if (0) {", "policy/sandbox_unit" },
  { "engine/policy/vm.c", "if (vm->spent || clock_monotonic_ns() < vm->deadline_ns)", "if (vm->spent || vm->deadline_ns)",
    "policy/sandbox_unit" },
  { "engine/policy/shape.c", "(number >= shape->min && number <= shape->max)", "(number >= shape->min)", "policy/policy_unit" },
  { "engine/policy/shape.c", "(int64_t)value->count < shape->min || (int64_t)value->count > max", "0", "policy/policy_unit" },
  { "engine/policy/shape.c", 'value->kind == VALUE_BOOL || refuse(&check, path, value, "true or false")', "true", "policy/policy_unit" },
  { "engine/policy/decision.c", "return (struct verdict){false, failed_words};", "return (struct verdict){true, failed_words};",
    "policy/policy_unit" },
  { "engine/policy/call.c", 'return is_grant && !value_get(result, "granted")', 'return 0 && !value_get(result, "granted")', "policy/policy_unit" },
  { "engine/policy/decision.c", "return policy_call(&call) && call.results[0]->boolean;", "return policy_call(&call);", "policy/policy_unit" },
  { "engine/checks/scope.c", "if (scope_holds(decision.scopes, one->text))", "if (one)", "policy/obeyed_spec" },
  { "engine/checks/scope.c", 'return fail(request, ERROR_INVALID_SCOPE, "%.*s", SLICE_ARG(decision.reason));',
    "decision.scopes = question->requested;", "policy/obeyed_spec" },
}

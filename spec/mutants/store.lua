-- The cache's law (sql/README.md), and what a batch promises.
return {
  { "engine/store/cache.c", "if (shard->epoch == miss.epoch && !*place) {", "if (!*place) {", "store/cache_unit" },
  { "engine/store/cache.c", "if (entry && entry->until_ms <= now_ms) {", "if (0) {", "store/cache_unit" },
  { "engine/store/cache.c", "miss.at_ms + cache->keep_ms", "INT64_MAX", "store/cache_unit" },
  { "engine/store/cache.c", "        shard->epoch++;\n        shard_clear(cache, shard);", "        shard_clear(cache, shard);",
    "store/cache_unit" },
  { "engine/store/cache.c", "    shard->epoch++;\n    struct entry **place", "    struct entry **place", "store/cache_unit" },
  { "engine/store/cache.c", "    if (*place)\n        entry_drop(shard, place);", "", "store/cache_unit" },
  { "engine/store/cache.c", "while (shard->bytes > cache->shard_bytes_max && shard->oldest) {", "while (0) {", "store/cache_unit" },
  { "engine/store/cache.c", "rows->count ? entry_new(", "true ? entry_new(", "store/cache_unit" },
  { "engine/store/sqlite_writer.c", "if (version != writer->data_version) {", "if (0) {", "store/store_unit store/sqlite_writer_unit" },
  { "engine/store/sqlite_writer.c", "sqlite_control(connection, CONTROL_RELEASE) == SQLITE_OK", "true", "store/sqlite_writer_unit" },
  { "engine/store/sqlite_writer.c", "while (count < writer->group_max && !", "while (!", "store/sqlite_writer_unit" },
  { "engine/store/statement.c", "if (count != text->parameters)", "if (0)", "store/statement_unit" },
  { "engine/store/statement.c", "if (batch->count == BATCH_STATEMENTS_MAX)", "if (0)", "store/statement_unit" },
}

-- Loaded once before all specs (.busted): busted forgets what a spec file has required, and C modules that are loaded
-- twice no longer know their own objects.
for _, name in ipairs {
  "cjson", "cjson.safe", "cqueues", "http.client", "http.headers", "openssl.digest", "openssl.rand",
  "openssl.ssl.context", "helpers.sys", "helpers.server", "helpers.http", "helpers.cli", "helpers.wallet",
  "helpers.flow",
  "helpers.shape",
} do
  require(name)
end

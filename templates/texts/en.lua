-- The pages are written in English, and so are policies and errors. To use other words on the pages, name them here:
--   ["Sign in"] = "Log in",
return {}

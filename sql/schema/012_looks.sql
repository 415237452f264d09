-- Spaces and marks in an app's name no longer tell it from another's ("Pay pal" looks like "Paypal"): the server looks at
-- all of them again. Those that look alike now keep their names, as 008_names.sql has it.
UPDATE apps SET look = NULL, look_twin = '';

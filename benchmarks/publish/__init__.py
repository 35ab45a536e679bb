"""Tables, figures and the report, from the files that a study leaves in its results folder."""

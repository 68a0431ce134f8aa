"""Label files of the field: many findings for each film, some uncertain, some missing."""

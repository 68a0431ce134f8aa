"""Users' tables: read as text, their columns named once, their rows joined to images."""

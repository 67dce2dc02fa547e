"""Sessions and refresh tokens in the tables of the database."""

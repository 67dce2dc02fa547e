"""JSON Schemas of the types that actions take and return, for documentation."""

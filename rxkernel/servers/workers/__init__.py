"""Workers whose connections or ports come from a supervisor."""

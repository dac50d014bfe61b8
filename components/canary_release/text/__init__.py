"""What users read: problems, what an update does, and why it is refused. Nothing here decides anything."""

"""What the stacks of this project say, as the engine reads it."""

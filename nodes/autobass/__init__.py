"""AutoBASS: a robot cell that assembles coin cells."""

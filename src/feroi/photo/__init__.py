"""From picture files to prepared faces. Needs no torch."""

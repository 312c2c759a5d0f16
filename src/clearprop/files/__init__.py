"""Files as the disk has them, whatever stands in them: whole or not there, sealed, locked, not too large for memory."""

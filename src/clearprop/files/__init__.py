"""Files as the disk has them, whatever stands in them."""

"""How good a forecast is, and how good doing nothing would have been."""

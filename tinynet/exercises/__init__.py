"""Broken layers to mend: `tinynet exercise` lists them, hands one out, and says how far a student's file is."""

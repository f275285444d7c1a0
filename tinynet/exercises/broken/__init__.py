"""The broken files that `tinynet exercise NUMBER` hands out, one to an exercise; nothing in tinynet imports them."""

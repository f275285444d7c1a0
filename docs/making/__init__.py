"""What docs/make.py puts the site together with."""

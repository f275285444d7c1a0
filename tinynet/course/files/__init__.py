"""The files of the course, with their solutions in them; `folder.py` hands them out without."""

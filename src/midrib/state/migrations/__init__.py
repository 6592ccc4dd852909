"""The history of the tables, applied by alembic when a database is first opened.

A new step is a file in ``versions``; ``schema.REVISION`` names the last one.
"""

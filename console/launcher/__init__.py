"""Starts the whole product, or its embedded services alone, from one command.

Standard library only: it runs before anything is known to work, and imports neither Django nor Celery.
"""

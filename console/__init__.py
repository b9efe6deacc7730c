"""Wiring and the two faces of Evenhand: the web pages and the REST API."""

from console.celery import app as celery_app

__all__ = ["celery_app"]

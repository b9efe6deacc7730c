"""Wiring and the two faces of Evenhand: the web pages and the REST API."""

"""Pages for people: HTML and charts from records, without a framework, a script or a request."""

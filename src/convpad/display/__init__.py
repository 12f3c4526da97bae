"""Tables and drawings, as text, HTML and SVG."""

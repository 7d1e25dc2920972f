"""Stands in for PiDNG, which picamera2 imports to write raw DNG files and which has no wheel; unused here."""

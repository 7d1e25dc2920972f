"""What a booth does beyond the picture: its flow, events, photos, settings and check. Knows no HTTP.

The web's API, MQTT and the GPIO pins all ask the same `edge_bg.booth.control.Control`.
"""

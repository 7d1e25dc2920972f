"""Cut-outs over HTTP: one request, one picture; and a page to drop pictures on. No camera, nothing is kept."""

"""The machine under the program: cores, sensors, logs, signals, systemd, and the doctor that looks at all of it."""

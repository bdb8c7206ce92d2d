"""What `doctor` checks: this machine, the settings, Kafka, the workers."""

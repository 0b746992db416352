"""From unlabelled log lines to a checkpoint. Uses ``model`` and the pure half of ``stream``; knows no Kafka."""

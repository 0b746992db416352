"""The broker's edge: the only room that imports Kafka's client. Decides nothing about windows or scores."""

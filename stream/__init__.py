"""From raw log lines in Kafka to scored windows in Kafka.

Rooms, from the ground up: ``lines`` (what one line says), ``windows`` (lines of a block in event time; pure),
``kafka`` (the broker's edge), ``broker`` (an embedded Kafka), ``simulator``, and ``commands`` (the one way in).
"""

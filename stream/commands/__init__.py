"""The subcommands of ``tinylogbert``, one short function each."""

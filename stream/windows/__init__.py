"""Lines of a block → windows in event time. Pure: knows no broker and no model, and never reads a clock."""

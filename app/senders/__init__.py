"""How a message leaves the house. A sender is told what to say, never why; it keeps no message and logs no content."""

"""The use cases: what happens to a play, and how an answer is made. They know ports, never technologies."""

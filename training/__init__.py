"""From the play archive to a published model version."""

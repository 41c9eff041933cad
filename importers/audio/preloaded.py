"""What the server that workers are forked from imports: librosa, once for all of them. Nothing else imports this."""

from importers.audio import worker

worker.warm_up()

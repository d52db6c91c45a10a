"""One worker process under its home: does what is wanted, takes commands, tells how it is."""

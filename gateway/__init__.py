"""The SMTP gateway: takes mail in, seals what policy selects, sends it on; knows the key server only over HTTP."""
